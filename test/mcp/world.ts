import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { type Happening, open } from "../../dist/index.js";
import { main } from "../doors/world.ts";

const run = promisify(execFile);

/** The built command in a process of its own, with the protocol's own client at its other end. */

export interface Answer {
  readonly text: string;
  readonly data: Record<string, unknown>;
  readonly isError: boolean;
}

export interface Connected {
  readonly client: Client;
  /** What the process wrote to stderr. */
  readonly stderr: () => string;
  readonly pid: number | null;
  call(name: string, args?: Record<string, unknown>): Promise<Answer>;
  close(): Promise<void>;
}

export interface World {
  readonly folder: string;
  readonly store: string;
  connect(...args: string[]): Promise<Connected>;
  connectWith(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Connected>;
  seed(happenings: readonly Happening[], store?: string): Promise<void>;
  /** What the command line prints of a store with --json. */
  loci(...args: string[]): Promise<Record<string, unknown>>;
  end(): void;
}

export function makeWorld(): World {
  const folder = mkdtempSync(join(tmpdir(), "loci-mcp-"));
  const store = join(folder, ".loci", "loci.db");
  return {
    folder,
    store,
    connect: (...args) => connect(folder, args),
    connectWith: (env, ...args) => connect(folder, args, env),
    async seed(happenings, url = store) {
      const loci = await open(url);
      await loci.add(happenings);
      await loci.close();
    },
    async loci(...args) {
      const env = { PATH: process.env["PATH"] ?? "", HOME: folder, TZ: "UTC" };
      const { stdout } = await run(process.execPath, [main, ...args, "--json"], { cwd: folder, env });
      return JSON.parse(stdout) as Record<string, unknown>;
    },
    end: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function connect(
  folder: string,
  args: readonly string[],
  extra: Readonly<Record<string, string>> = {},
): Promise<Connected> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [main, "mcp", ...args],
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, TZ: "UTC", ...extra },
    stderr: "pipe",
  });
  let said = "";
  transport.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const client = new Client({ name: "loci-tests", version: "1.0.0" });
  await client.connect(transport);
  return {
    client,
    stderr: () => said,
    pid: transport.pid,
    async call(name, given = {}) {
      const { content, structuredContent, isError } = await client.callTool({ name, arguments: given });
      const text = content.map((part) => (part.type === "text" ? part.text : `(${part.type})`)).join("\n");
      return {
        text,
        data: (structuredContent ?? {}) as Record<string, unknown>,
        isError: isError === true,
      };
    },
    close: () => client.close(),
  };
}

/** Characters divided by four: how the budgets of tools and answers are counted. */
export function tokens(value: unknown): number {
  return (typeof value === "string" ? value : JSON.stringify(value)).length / 4;
}
