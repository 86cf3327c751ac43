import { spawn } from "node:child_process";
import { request } from "node:http";
import { createConnection } from "node:net";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { main } from "../doors/world.ts";

/** `loci mcp --http` in a process of its own. */
export interface Serving {
  readonly url: string;
  readonly port: number;
  readonly token: string;
  readonly pid: number;
  readonly stderr: () => string;
  client(mode?: "legacy" | "auto", token?: string): Promise<Client>;
  /** A request by hand: its status, and what was answered. */
  ask(options: Asked): Promise<Reply>;
  /** Bytes as they are, on a connection of their own; everything that is answered. */
  raw(bytes: string): Promise<string>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

export const listTools: string = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });

export async function serving(
  folder: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Serving> {
  const child = spawn(process.execPath, [main, "mcp", "--http", ...args], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, ...env },
  });
  let said = "";
  const ended = new Promise<number | null>((done) => child.on("close", done));
  await new Promise<void>((done, failed) => {
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (/^ {2}connect .*\n/m.test(said)) done();
    });
    child.on("close", () => failed(new Error(said)));
  });
  const url = /http:\/\/\S+/.exec(said)?.[0] ?? "";
  const { port } = new URL(url);
  const token = /^ {2}token {4}(\S{43}) \(/m.exec(said)?.[1] ?? "";
  return {
    url,
    port: Number(port),
    token,
    pid: child.pid ?? 0,
    stderr: () => said,
    async client(mode = "legacy", own = token) {
      const client = new Client({ name: "loci-tests", version: "1.0.0" }, { versionNegotiation: { mode } });
      const headers = { authorization: `Bearer ${own}` };
      await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
      return client;
    },
    ask: (options) => ask(Number(port), token, options),
    raw: (bytes) =>
      new Promise((done, failed) => {
        let answered = "";
        const socket = createConnection(Number(port), "127.0.0.1", () => socket.write(bytes));
        socket.on("data", (chunk) => (answered += chunk.toString()));
        socket.on("close", () => done(answered));
        socket.on("error", failed);
      }),
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      return ended;
    },
  };
}

function ask(
  port: number,
  token: string,
  { method = "POST", path = "/mcp", headers = {}, body }: Asked,
): Promise<Reply> {
  return new Promise((done, failed) => {
    const sent = request(
      {
        host: "127.0.0.1",
        port,
        method,
        path,
        agent: false,
        headers: {
          authorization: `Bearer ${token}`,
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          ...headers,
        },
      },
      (reply) => {
        let text = "";
        reply.on("data", (chunk: Buffer) => (text += chunk.toString()));
        reply.on("end", () => done({ status: reply.statusCode ?? 0, headers: reply.headers, body: text }));
      },
    );
    sent.on("error", failed);
    sent.end(body ?? (method === "POST" ? listTools : undefined));
  });
}
