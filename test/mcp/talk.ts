import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

// A client of the tool server that says each message by itself, and hears each answer as it comes.

export interface Reply {
  readonly id?: string | number;
  readonly result?: Record<string, unknown>;
}

export interface Talk {
  readonly child: ChildProcessWithoutNullStreams;
  readonly heard: Reply[];
  say(...messages: object[]): void;
  answer(id: string | number): Promise<Reply>;
  end(): Promise<number | null>;
}

/** Starts a server in an empty home. */
export function talkTo(home: string, program: string, args: readonly string[]): Talk {
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, TZ: "UTC" };
  const child = spawn(program, args, { cwd: home, env });
  const heard: Reply[] = [];
  const waiting = new Map<string | number, (reply: Reply) => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const reply = JSON.parse(line) as Reply;
    heard.push(reply);
    if (reply.id !== undefined) waiting.get(reply.id)?.(reply);
  });
  const gone = once(child, "exit");
  return {
    child,
    heard,
    say: (...messages) =>
      void child.stdin.write(
        messages.map((one) => `${JSON.stringify({ jsonrpc: "2.0", ...one })}\n`).join(""),
      ),
    answer: (id) =>
      new Promise((resolve) => {
        const known = heard.find((reply) => reply.id === id);
        if (known) resolve(known);
        else waiting.set(id, resolve);
      }),
    async end() {
      child.stdin.end();
      const [code] = (await gone) as [number | null];
      return code;
    },
  };
}

const clientInfo = { name: "loci-tests", version: "1.0.0" };
export const hello = (protocolVersion: string) => ({
  id: "hello",
  method: "initialize",
  params: { protocolVersion, capabilities: {}, clientInfo },
});
export const begun = { method: "notifications/initialized" };
export const claims = Object.fromEntries(
  Object.entries({
    protocolVersion: "2026-07-28",
    clientInfo,
    clientCapabilities: {},
  }).map(([name, value]) => [`io.modelcontextprotocol/${name}`, value]),
);
export const lists = ["tools/list", "prompts/list", "resources/templates/list"].map((method) => ({
  id: method,
  method,
  params: {},
}));
export const listsWithClaims = [
  "server/discover",
  "resources/list",
  ...lists.map(({ method }) => method),
].map((method) => ({ id: method, method, params: { _meta: claims } }));
export const listing = { id: "call", method: "tools/call", params: { name: "list_sessions", arguments: {} } };
