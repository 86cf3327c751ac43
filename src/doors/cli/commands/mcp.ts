import { LociError } from "../../../errors.ts";
import type { Loci } from "../../../open.ts";
import { serveTools } from "../../mcp/serve.ts";
import { toolsets, type Toolset } from "../../mcp/tool.ts";
import type { ServerParts } from "../../mcp/server.ts";
import type { Input } from "../../../operations/operation.ts";
import { type Call, flagInput, flagName, textInput } from "../command.ts";
import { httpParams } from "../mcp-params.ts";
import { version } from "../version.ts";
import { mcpOverHttp } from "./mcp-http.ts";

/** `loci mcp`: serves until the client leaves. stdout is the protocol's; what we have to say goes to stderr. */
export async function mcp(call: Call): Promise<undefined> {
  const { input, settings, env, folder, now, signal } = call;
  const url = settings.get("url").value ?? "";
  let opened: Promise<Loci> | undefined;
  const parts: ServerParts = {
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
    toolsets: chosen(textInput(input, "toolsets")),
    project: textInput(input, "project"),
    env,
    folder,
    now,
  };
  if (flagInput(input, "http")) await mcpOverHttp(parts, call);
  else {
    checkStdio(input);
    await serveTools({ ...parts, signal });
  }
  // A store that could not be opened has told its caller; there is nothing to close.
  await (await opened?.catch(() => undefined))?.close();
  return undefined;
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

function chosen(text: string | undefined): readonly Toolset[] {
  if (text === undefined || text === "all") return toolsets;
  return text.split(",").map((word) => {
    const set = toolsets.find((name) => name === word.trim());
    if (set !== undefined) return set;
    throw new LociError("invalid", `There is no tool set ${JSON.stringify(word)}.`, {
      next: `Tool sets are ${toolsets.join(", ")}: loci mcp --toolsets ${toolsets.slice(0, 2).join(",")}`,
    });
  });
}
