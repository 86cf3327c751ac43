import { type ClientRequest, type IncomingMessage, Agent as PlainAgent, request as plain } from "node:http";
import { Agent as SecureAgent, request as secure } from "node:https";
import type { Millis } from "../../model/collection.ts";

export interface RemoteTimes {
  /** Until there is a connection. Default 5 s. */
  readonly connectTimeout?: Millis;
  /** Without a byte of the answer. Default 30 s: sqld 0.24 lets a write that it forwards hang for as long as we let it. */
  readonly answerTimeout?: Millis;
}

export interface RemoteConnections extends RemoteTimes {
  /** Connections at most. Default 10. */
  readonly max?: number;
  /** A connection without work is closed after that long. Default 30 s. */
  readonly idleTimeout?: Millis;
}

export interface Reply {
  readonly status: number;
  readonly text: string;
  /** What the server wants us to wait, in ms. */
  readonly retryAfter: Millis | undefined;
}

export interface Asking {
  readonly path: string;
  readonly body: string;
  readonly token: string | undefined;
  readonly answerTimeout?: Millis | undefined;
  /** In all, from the first to the last byte. */
  readonly deadline?: Millis | undefined;
  /** Bytes of an answer that is still taken. */
  readonly most?: number | undefined;
}

/** The request got no whole answer. `sent`: the server may have it, and may have done what it says. */
export class NoAnswer extends Error {
  readonly sent: boolean;
  /** We ended it: at the caller's deadline, or because more came than was wanted. */
  readonly stopped: "deadline" | "size" | undefined;

  constructor(message: string, how: { readonly sent: boolean; readonly stopped?: "deadline" | "size" }) {
    super(message);
    this.name = "NoAnswer";
    this.sent = how.sent;
    this.stopped = how.stopped;
  }
}

export interface Http {
  post(asking: Asking): Promise<Reply>;
  close(): void;
}

/** POST over connections that are kept. One at rest keeps no process alive. */
export function createHttp(base: URL, options: RemoteConnections): Http {
  const { max = 10, idleTimeout = 30_000, connectTimeout = 5_000, answerTimeout = 30_000 } = options;
  const isSecure = base.protocol === "https:";
  const Agent = isSecure ? SecureAgent : PlainAgent;
  const agent = new Agent({ keepAlive: true, maxSockets: max, timeout: idleTimeout, scheduling: "lifo" });
  const post = (asking: Asking): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const body = Buffer.from(asking.body);
      const sending = (isSecure ? secure : plain)(
        new URL(base.pathname.replace(/\/$/, "") + asking.path, base),
        {
          method: "POST",
          agent,
          ...onThisMachine(base.hostname),
          headers: {
            host: base.host,
            "content-type": "application/json",
            "content-length": body.length,
            ...(asking.token === undefined ? {} : { authorization: `Bearer ${asking.token}` }),
          },
        },
      );
      const watch = watchRequest(sending, {
        connectTimeout,
        answerTimeout: asking.answerTimeout ?? answerTimeout,
        deadline: asking.deadline,
      });
      sending.on("error", (error) => reject(watch.failed(error)));
      sending.on("response", (response) => {
        readAll(response, asking.most ?? Number.POSITIVE_INFINITY).then(
          (text) => {
            watch.end();
            const retryAfter = waitOf(response.headers["retry-after"]);
            resolve({ status: response.statusCode ?? 0, text, retryAfter });
          },
          (error: unknown) => {
            sending.destroy();
            reject(watch.failed(error));
          },
        );
      });
      sending.end(body);
    });
  return { post, close: () => agent.destroy() };
}

/** Names below `localhost` are this machine (RFC 6761); sqld tells its databases apart by them, and resolvers may not know. */
function onThisMachine(name: string): { readonly hostname?: string } {
  return name.endsWith(".localhost") ? { hostname: "127.0.0.1" } : {};
}

interface Watch {
  failed(error: unknown): NoAnswer;
  end(): void;
}

function watchRequest(
  sending: ClientRequest,
  times: { connectTimeout: Millis; answerTimeout: Millis; deadline: Millis | undefined },
): Watch {
  let connected = false;
  let reason: NoAnswer | undefined;
  const stop = (error: NoAnswer): void => {
    reason ??= error;
    sending.destroy(error);
  };
  // A request waits for its turn first: the time for the connection begins with the socket.
  let connecting: NodeJS.Timeout | undefined;
  const ready = (): void => {
    connected = true;
    clearTimeout(connecting);
  };
  sending.on("socket", (socket) => {
    if (!socket.connecting) return ready();
    const late = (): void =>
      stop(new NoAnswer(`no connection within ${times.connectTimeout} ms`, { sent: false }));
    connecting = setTimeout(late, times.connectTimeout);
    socket.once("encrypted" in socket ? "secureConnect" : "connect", ready);
  });
  sending.setTimeout(times.answerTimeout, () =>
    stop(new NoAnswer(`no answer within ${times.answerTimeout} ms`, { sent: connected })),
  );
  const { deadline } = times;
  const atDeadline = (): void =>
    stop(new NoAnswer(`no answer within ${deadline} ms`, { sent: connected, stopped: "deadline" }));
  const timer = deadline === undefined ? undefined : setTimeout(atDeadline, deadline);
  const end = (): void => {
    clearTimeout(timer);
    clearTimeout(connecting);
  };
  return {
    end,
    failed(error) {
      end();
      if (reason) return reason;
      if (error instanceof NoAnswer) return error;
      return new NoAnswer(reasonOf(error), { sent: connected });
    },
  };
}

/** Node puts the reasons of all addresses it tried into one error, whose own message is empty. */
function reasonOf(error: unknown): string {
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  if (first !== undefined) return reasonOf(first);
  return error instanceof Error ? error.message : String(error);
}

async function readAll(response: IncomingMessage, most: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > most) throw new NoAnswer(`more than ${most} bytes`, { sent: true, stopped: "size" });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Seconds, or a moment. */
function waitOf(header: string | undefined): Millis | undefined {
  if (header === undefined) return undefined;
  const seconds = Number(header);
  const wait = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(header) - Date.now();
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}
