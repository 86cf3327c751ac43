import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "../../dist/index.js";
import { messages } from "../../dist/model/message.js";
import { main } from "../doors/world.ts";
import { attributesOf, type Sent } from "./world.ts";

export interface Serving {
  readonly url: string;
  readonly port: number;
  readonly token: string;
  readonly pid: number;
  readonly stderr: () => string;
  send(sending: Sending): Promise<Answer>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface Sending {
  readonly path?: string;
  readonly method?: string;
  readonly type?: string;
  readonly body?: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

/** `loci serve` in a process of its own. */
export async function serving(
  folder: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Serving> {
  const child = spawn(
    process.execPath,
    [main, "--db", `${folder}/store.db`, "serve", "--port", "0", ...args],
    {
      cwd: folder,
      env: { PATH: process.env["PATH"] ?? "", HOME: folder, ...env },
    },
  );
  let said = "";
  const ended = new Promise<number | null>((done) => child.on("close", done));
  await new Promise<void>((done, failed) => {
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (/any other program:\n.*\n.*\n/.test(said)) done();
    });
    child.on("close", () => failed(new Error(said)));
  });
  const url = /http:\/\/\S+/.exec(said)?.[0] ?? "";
  const port = Number(new URL(url).port);
  const token = /^ {2}token {4}(\S{43}) \(/m.exec(said)?.[1] ?? "";
  return {
    url,
    port,
    token,
    pid: child.pid ?? 0,
    stderr: () => said,
    send: ({ path = "/v1/traces", method = "POST", type = "application/json", body = "{}", headers = {} }) =>
      new Promise((done, failed) => {
        const own = { authorization: `Bearer ${token}`, "content-type": type, ...headers };
        const sent = request(
          { host: "127.0.0.1", port, path, method, agent: false, headers: own },
          (reply) => {
            const chunks: Buffer[] = [];
            reply.on("data", (chunk: Buffer) => chunks.push(chunk));
            reply.on("end", () =>
              done({ status: reply.statusCode ?? 0, headers: reply.headers, body: Buffer.concat(chunks) }),
            );
          },
        );
        sent.on("error", failed);
        sent.end(method === "POST" ? body : undefined);
      }),
    stop(signal = "SIGTERM") {
      child.kill(signal);
      return ended;
    },
  };
}

/** One call of a model, with a question of its own. */
export function chat(index: number, conversation = "c"): Sent {
  const attributes = attributesOf({
    "gen_ai.operation.name": "chat",
    "gen_ai.conversation.id": conversation,
    "gen_ai.request.model": "m",
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 1,
    "gen_ai.input.messages": JSON.stringify([
      { role: "user", parts: [{ type: "text", content: `question ${index}` }] },
    ]),
  });
  const span = {
    traceId: index.toString(16).padStart(32, "a"),
    spanId: index.toString(16).padStart(16, "b"),
    name: "chat m",
    startTimeUnixNano: String(BigInt(1_795_204_000_000 + index) * 1_000_000n),
    endTimeUnixNano: String(BigInt(1_795_204_000_001 + index) * 1_000_000n),
    attributes,
  };
  return { kind: "traces", body: { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] } };
}

/** A server that is killed again and again while three exporters send to it. */
export async function killed(
  rounds: number,
): Promise<{ readonly acknowledged: number; readonly lost: number; readonly doubled: number }> {
  const home = mkdtempSync(join(tmpdir(), "loci-otlp-kill-"));
  const acknowledged = new Set<number>();
  let next = 0;
  for (let round = 0; round < rounds; round++) {
    const server = await serving(home);
    let alive = true;
    const senders = [0, 1, 2].map(async () => {
      while (alive) {
        const index = next++;
        const body = JSON.stringify(chat(index, "killed").body);
        const answer = await server.send({ body }).catch(() => undefined);
        if (answer?.status === 200) acknowledged.add(index);
        else alive = false;
      }
    });
    const wanted = acknowledged.size + 1 + (round % 7) * 4;
    while (acknowledged.size < wanted) await new Promise((done) => setImmediate(done));
    await server.stop("SIGKILL");
    await Promise.all(senders);
  }
  const loci = await open(join(home, "store.db"));
  try {
    await loci.recover();
    const rows = await loci.engine.find(messages, { where: { sessionId: "killed" } });
    const stored = new Set(rows.map(({ content }) => content));
    const lost = [...acknowledged].filter((index) => !stored.has(`question ${index}`)).length;
    return { acknowledged: acknowledged.size, lost, doubled: rows.length - stored.size };
  } finally {
    await loci.close();
    rmSync(home, { recursive: true, force: true });
  }
}
