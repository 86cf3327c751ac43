import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

export type Json = Record<string, unknown>;
export interface Event {
  readonly id: string;
  readonly type: string;
  readonly properties: Json & { readonly sessionID?: string; readonly info?: Json; readonly part?: Json };
}

/** The recorded cases of test/fixtures/opencode, in the order in which they took place. */
export const cases: readonly string[] = [
  ...[
    "tools",
    "hello",
    "todo",
    "subagent",
    "permission-reject",
    "permission-once",
    "abort",
    "overloaded-once",
  ],
  ...["bad-request", "cut", "server-error", "compact", "after-compact", "shell", "fork", "delete"],
];

export function eventsOf(...names: readonly string[]): Event[] {
  return names.flatMap((name) => {
    const path = fileURLToPath(
      new URL(`../../fixtures/opencode/opencode-events-${name}.jsonl`, import.meta.url),
    );
    const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
    return lines.map((line) => JSON.parse(line) as Event);
  });
}

interface Kept {
  info: Json;
  readonly messages: Map<string, { info: Json; readonly parts: Map<string, Json> }>;
  busy: boolean;
}

/**
 * What a server of OpenCode 1.18.33 answers to what we ask of it, as it was measured; it says what was recorded of the
 * real one. The real one itself runs in test/agents.
 */
export interface FakeOpencode extends AsyncDisposable {
  readonly url: string;
  /** Requests so far, as `METHOD path`. */
  readonly asked: string[];
  play(events: readonly Event[]): void;
  /** Says to those who listen what is no event. */
  send(payload: unknown): void;
  /** Breaks the connections of those who listen. */
  drop(): void;
  /** Answers nobody any more, until it is called again. */
  hang(hangs: boolean): void;
  /** Resolves when somebody listens. */
  listened(): Promise<void>;
}

const durable = new Set(["session.created", "session.updated", "message.updated", "message.part.updated"]);

export async function fakeOpencode({
  password,
  fresh = false,
}: {
  readonly password?: string;
  readonly fresh?: boolean;
} = {}): Promise<FakeOpencode> {
  const sessions = new Map<string, Kept>();
  const history: Json[] = [];
  const seqs = new Map<string, number>();
  const listeners = new Set<ServerResponse>();
  const asked: string[] = [];
  let hangs = false;

  const say = (response: ServerResponse, payload: unknown): boolean =>
    response.write(`data: ${JSON.stringify({ directory: "/workspace", project: "global", payload })}\n\n`);

  /** With `fresh`, as if what was recorded took place now. */
  const listedAs = ({ info }: Kept): Json => (fresh ? { ...info, time: { updated: Date.now() } } : info);

  function keep({ id, type, properties }: Event): Json | undefined {
    const { info, part, sessionID = String(info?.["id"]) } = properties;
    const session = sessions.get(sessionID) ?? { info: {}, messages: new Map(), busy: false };
    if (type === "session.deleted") sessions.delete(sessionID);
    else if (properties.sessionID !== undefined) sessions.set(sessionID, session);
    if (type.startsWith("session.") && info !== undefined) session.info = info;
    if (type === "session.status") session.busy = (properties["status"] as Json)["type"] !== "idle";
    if (type === "message.updated" && info !== undefined) {
      const parts = session.messages.get(String(info["id"]))?.parts ?? new Map<string, Json>();
      session.messages.set(String(info["id"]), { info, parts });
    }
    if (part !== undefined)
      session.messages.get(String(part["messageID"]))?.parts.set(String(part["id"]), part);
    if (!durable.has(type)) return undefined;
    const seq = (seqs.get(sessionID) ?? -1) + 1;
    seqs.set(sessionID, seq);
    history.push({ id, aggregate_id: sessionID, seq, type: `${type}.1`, data: properties });
    return { id, type: `${type}.1`, seq, aggregateID: sessionID, data: properties };
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "", "http://localhost");
    asked.push(`${request.method} ${pathname}`);
    if (hangs) return;
    const given = Buffer.from(
      (request.headers.authorization ?? "").replace("Basic ", ""),
      "base64",
    ).toString();
    if (password !== undefined && given !== `opencode:${password}`) return void response.writeHead(401).end();
    if (pathname === "/global/event") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      say(response, { id: "evt_0", type: "server.connected", properties: {} });
      listeners.add(response);
      response.on("close", () => listeners.delete(response));
      return;
    }
    const body = await bodyOf(request);
    const [, , id, what] = pathname.split("/");
    const session = sessions.get(id ?? "");
    const found = ((): unknown => {
      if (pathname === "/path") return { state: "/home/user/.local/state/opencode" };
      if (pathname === "/sync/history") return missed(history, body as Record<string, number>);
      if (pathname === "/experimental/session") return [...sessions.values()].map(listedAs);
      if (pathname === "/session/status") return busy(sessions);
      if (what === "message") return session === undefined ? undefined : listed(session);
      return session?.info;
    })();
    response.writeHead(found === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(found ?? {}));
  }

  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    play(events) {
      for (const event of events) {
        const syncEvent = keep(event);
        for (const listener of listeners) {
          say(listener, { ...event });
          if (syncEvent !== undefined) say(listener, { type: "sync", syncEvent });
        }
      }
    },
    send(payload) {
      for (const listener of listeners) say(listener, payload);
    },
    drop() {
      for (const listener of listeners) listener.destroy();
      listeners.clear();
    },
    hang(now) {
      hangs = now;
    },
    async listened() {
      while (listeners.size === 0) await once(server, "request");
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** All rows but those that a number is named for. */
function missed(history: readonly Json[], named: Readonly<Record<string, number>>): Json[] {
  return history.filter(({ aggregate_id: id, seq }) => (seq as number) > (named[String(id)] ?? -1));
}

function busy(sessions: ReadonlyMap<string, Kept>): Json {
  return Object.fromEntries([...sessions].flatMap(([id, one]) => (one.busy ? [[id, { type: "busy" }]] : [])));
}

function listed({ messages }: Kept): Json[] {
  return [...messages.values()].map(({ info, parts }) => ({ info, parts: [...parts.values()] }));
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text === "" ? {} : (JSON.parse(text) as unknown);
}
