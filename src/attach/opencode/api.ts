import { LociError } from "../../errors.ts";
import { objectOf, textOf } from "../../record/sources/claude-code/line.ts";

/** Where a server of OpenCode is. */
export interface OpencodeServerAt {
  readonly url: string;
  /** What `OPENCODE_SERVER_PASSWORD` says there. */
  readonly password?: string;
  /** Default `opencode`. */
  readonly username?: string;
}

/** What we ask of a server of OpenCode. */
export interface OpencodeApi {
  /** Which server it is, in a word: for messages, and for the place of the cursor. */
  readonly name: string;
  /** The folder that a client is of. */
  readonly directory: string | undefined;
  /** Its events as they come; ends when the connection does. */
  events(signal: AbortSignal): Promise<AsyncIterable<unknown>>;
  /** Absent where a client lets nobody else ask. */
  readonly ask?: (path: string, body?: object) => Promise<Answer>;
}

export interface Answer {
  readonly body: unknown;
  readonly headers: Headers;
}

type Fetch = (request: Request) => Promise<Response>;

/** Longer than OpenCode is silent: it says something every ten seconds. */
const silence = 45_000;
/** So long a question may take. */
const patience = 30_000;

/** A server by its URL, or the client of OpenCode's SDK that a program has. */
export function opencodeApi(given: unknown): OpencodeApi {
  const at = objectOf(given);
  const url = textOf(at?.["url"]);
  if (url !== undefined) {
    const { base, headers } = addressOf(url, textOf(at?.["username"]), textOf(at?.["password"]));
    return httpApi(base, headers, (request) => fetch(request));
  }
  const api = clientApi(given);
  if (api !== undefined) return api;
  throw new LociError("invalid", "A client of OpenCode's SDK was expected, or { url } of its server.", {
    next: 'recordOpencode({ url: "http://127.0.0.1:4096" }, { recorder })',
  });
}

function addressOf(
  url: string,
  username: string | undefined,
  password: string | undefined,
): { readonly base: string; readonly headers: Headers } {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address === undefined || !/^https?:$/.test(address.protocol)) {
    throw new LociError("invalid", `The URL of a server of OpenCode begins with http, unlike ${url}.`, {
      next: "opencode serve prints it.",
    });
  }
  const headers = new Headers();
  const secret = password ?? (address.password === "" ? undefined : decodeURIComponent(address.password));
  if (secret !== undefined) {
    const name = username ?? (address.username === "" ? "opencode" : decodeURIComponent(address.username));
    headers.set("authorization", `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`);
  }
  return { base: address.origin, headers };
}

/** What a client's own settings allow: its address, its headers, its way to send. */
function clientApi(client: unknown): OpencodeApi | undefined {
  const given = objectOf(client);
  const inner = objectOf(given?.["_client"]) ?? objectOf(given?.["client"]);
  const config = called(inner, "getConfig");
  const base = textOf(objectOf(config)?.["baseUrl"]);
  if (base !== undefined) {
    const headers = new Headers();
    const set = objectOf(config)?.["headers"];
    if (set instanceof Headers) set.forEach((value, name) => headers.set(name, value));
    const send = objectOf(config)?.["fetch"];
    return httpApi(base, headers, isFetch(send) ? send : (request) => fetch(request));
  }
  const event = objectOf(given?.["event"]);
  if (typeof event?.["subscribe"] !== "function") return undefined;
  return {
    name: "a client",
    directory: undefined,
    async events() {
      const subscribed = await called(event, "subscribe");
      const stream = objectOf(subscribed)?.["stream"] ?? subscribed;
      if (isStream(stream)) return stream;
      throw new LociError("invalid", "client.event.subscribe() was expected to answer a stream of events.");
    },
  };
}

function called(owner: unknown, name: string): unknown {
  const method = objectOf(owner)?.[name];
  return typeof method === "function" ? Reflect.apply(method, owner, []) : undefined;
}

function isFetch(value: unknown): value is Fetch {
  return typeof value === "function";
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function httpApi(base: string, headers: Headers, send: Fetch): OpencodeApi {
  const folder = headers.get("x-opencode-directory");
  const directory = folder === null ? undefined : decodeURIComponent(folder);
  const plain = new Headers(headers);
  plain.delete("x-opencode-directory");
  return {
    name: new URL(base).host,
    directory,
    async events(signal) {
      const stop = new AbortController();
      const ended = AbortSignal.any([signal, stop.signal]);
      const response = await send(new Request(`${base}/global/event`, { headers: plain, signal: ended }));
      if (!response.ok || response.body === null) throw refused(base, "/global/event", response);
      return serverSent(response.body, stop);
    },
    async ask(path, body) {
      const asked = new Headers(plain);
      if (body !== undefined) asked.set("content-type", "application/json");
      const response = await send(
        new Request(base + path, {
          headers: asked,
          signal: AbortSignal.timeout(patience),
          ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
        }),
      );
      if (!response.ok) throw refused(base, path, response);
      return { body: await response.json(), headers: response.headers };
    },
  };
}

function refused(base: string, path: string, { status }: Response): LociError {
  const code = status === 404 ? "not-found" : status === 401 ? "permission" : "unreachable";
  return new LociError(code, `OpenCode answered ${status}.`, {
    where: base + path,
    next:
      status === 401 ? "Give the password that OPENCODE_SERVER_PASSWORD has there." : "opencode --version",
  });
}

/** The events of a stream of server-sent events. One that is silent for too long is given up. */
async function* serverSent(body: ReadableStream<Uint8Array>, stop: AbortController): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let text = "";
  let timer = setTimeout(() => stop.abort(), silence).unref();
  try {
    for await (const chunk of body) {
      clearTimeout(timer);
      timer = setTimeout(() => stop.abort(), silence).unref();
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split(/\r?\n\r?\n/);
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const lines = block.split(/\r?\n/).filter((line) => line.startsWith("data:"));
        const value = parsed(lines.map((line) => line.slice(5).trimStart()).join("\n"));
        if (value !== undefined) yield value;
      }
    }
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A comment, or a keep-alive.
    return undefined;
  }
}
