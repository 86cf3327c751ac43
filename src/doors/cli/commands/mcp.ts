import { LociError } from "../../../errors.ts";
import type { Loci } from "../../../open.ts";
import { serveTools } from "../../mcp/serve.ts";
import {
  type CompatToolset,
  compatToolsets,
  type Flag,
  toolsets,
  type Toolset,
  usualToolsets,
} from "../../mcp/tool.ts";
import type { ServerParts } from "../../mcp/server.ts";
import type { Input } from "../../../operations/operation.ts";
import { type Call, flagInput, flagName, textInput } from "../command.ts";
import { recordMeanwhile } from "../hook/record.ts";
import { httpParams } from "../mcp-params.ts";
import { version } from "../version.ts";
import { mcpOverHttp } from "./mcp-http.ts";

/** How long a program that waits for us is kept waiting, in ms. */
const longestClose = 50;

/** `loci mcp`: serves until the client leaves. stdout is the protocol's; what we have to say goes to stderr. */
export async function mcp(call: Call): Promise<undefined> {
  const { input, settings, env, folder, now, signal } = call;
  const url = settings.get("url").value ?? "";
  let opened: Promise<Loci> | undefined;
  const databases = createOpened();
  const parts: ServerParts = {
    openDatabase: databases.open,
    forgetDatabase: databases.forget,
    async open() {
      opened ??= openStore(url);
      try {
        return await opened;
      } catch (error) {
        // What is wrong may be mended while the client stays: the next call tries again.
        opened = undefined;
        throw error;
      }
    },
    version: version(),
    toolsets: [...chosen(textInput(input, "toolsets")), ...compatOf(textInput(input, "compat"))],
    flags: flags.filter(([name]) => input[name] === true).map(([, flag]) => flag),
    // Claude Code says in which project it started the server.
    project: textInput(input, "project") ?? (env["CLAUDE_PROJECT_DIR"] || undefined),
    env,
    folder,
    now,
  };
  const recording = flagInput(input, "record")
    ? recordMeanwhile({
        open: parts.open,
        home: settings.home,
        now,
        redact: { off: settings.get("redact").value === "off" },
      })
    : undefined;
  if (flagInput(input, "http")) await mcpOverHttp(parts, call);
  else {
    checkStdio(input);
    await serveTools({ ...parts, signal });
  }
  const left = await recording?.close();
  const closed = databases.close().then(async () => {
    // A store that could not be opened has told its caller; there is nothing to close.
    await (await opened?.catch(() => undefined))?.close();
  });
  if (left === "awaited" && (await isLate(closed))) process.kill(process.pid, "SIGKILL");
  await closed;
  return undefined;
}

/**
 * A thread that waits for a store which another process holds cannot be ended in order, and the program that started us
 * waits. What was written is safe whenever a process ends.
 */
async function isLate(closed: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((end) => (timer = setTimeout(end, longestClose, true)));
  return Promise.race([closed.then(() => false), late]).finally(() => clearTimeout(timer));
}

/** Databases that were named: each is opened once, and closed at the end. */
function createOpened(): {
  readonly open: ServerParts["openDatabase"];
  readonly forget: ServerParts["forgetDatabase"];
  readonly close: () => Promise<void>;
} {
  const all = new Map<string, Promise<Loci>>();
  const opened = async (name: string): Promise<Loci> => {
    const { open, openDatabases } = await import("../../../open.ts");
    return open((await openDatabases().get(name)).url);
  };
  const forget = async (name: string): Promise<void> => {
    const loci = all.get(name);
    all.delete(name);
    await (await loci?.catch(() => undefined))?.close();
  };
  return {
    open(name) {
      const known = all.get(name) ?? opened(name);
      all.set(name, known);
      known.catch(() => all.delete(name));
      return known;
    },
    forget,
    async close() {
      for (const name of [...all.keys()]) await forget(name);
    },
  };
}

function checkStdio(input: Input): void {
  const [without] = Object.keys(httpParams).filter((name) => name !== "http" && input[name] !== undefined);
  if (without === undefined) return;
  throw new LociError("invalid", `${flagName(without)} is for --http.`, { next: "loci mcp --help" });
}

async function openStore(url: string): Promise<Loci> {
  // Not before a tool is called: the client waits for its first answer. In a thread of its own, so that a store that
  // is locked holds up the one call and not the connection.
  const { open } = await import("../../../open.ts");
  return open(url);
}

const flags: ReadonlyArray<readonly [name: string, flag: Flag]> = [["allowWriteSql", "--allow-write-sql"]];

function compatOf(text: string | undefined): readonly CompatToolset[] {
  return compatToolsets.filter((name) => name === text);
}

function chosen(text = "loci"): readonly Toolset[] {
  return text.split(",").flatMap((word): readonly Toolset[] => {
    const name = word.trim();
    if (name === "loci") return usualToolsets;
    if (name === "all") return toolsets;
    const set = toolsets.find((one) => one === name);
    if (set !== undefined) return [set];
    throw new LociError("invalid", `There is no tool set ${JSON.stringify(word)}.`, {
      next: `Tool sets are ${toolsets.join(", ")}, loci (${usualToolsets.join(", ")}) and all: loci mcp --toolsets loci,swarm`,
    });
  });
}
