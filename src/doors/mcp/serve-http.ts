import { once, setMaxListeners } from "node:events";
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import { LociError } from "../../errors.ts";
import { safeText } from "../cli/safe.ts";
import { type Answerer, exchange, readBody } from "../http/exchange.ts";
import { createGuard, type Guard, localNames } from "../http/guard.ts";
import { createMcpHandler } from "./sdk.ts";
import { createServer, type ServerParts } from "./server.ts";

interface HttpOptions {
  readonly host: string;
  /** Undefined: the usual one, or the next that is free; 0: any. */
  readonly port: number | undefined;
  readonly token: string;
  /** Names other than this machine's own by which clients call it. */
  readonly names: readonly string[];
  readonly signal: AbortSignal;
  /** Told when it listens. */
  readonly onListening: (url: string) => void;
}

const usualPort = 4747;
const path = "/mcp";
/** As on stdin: the longest message of a client. */
const mostBytes = 10 * 1024 * 1024;
/** What is being answered when the signal comes may end; then the connections are closed. */
const patience = 2_000;

/** Who sends its head or its body slower than this holds a connection that others want. */
const slowest = {
  headersTimeout: 5_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
} as const;

/** Serves over Streamable HTTP until the signal comes: any number of clients, each request of its own. */
export async function serveHttp(parts: ServerParts, options: HttpOptions): Promise<void> {
  // Who serves on stdin and stdout, and has to be fast, does not load it.
  const http = await import("node:http");
  const say = (error: Error): void => void process.stderr.write(`loci mcp: ${safeText(error.message)}\n`);
  const handler = createMcpHandler(() => createServer(parts), {
    maxRequestBodySize: mostBytes,
    onerror: say,
  });
  let guard: Guard = () => ({ status: 503, message: "Not yet." });
  const active = new Set<ServerResponse>();
  const server = http.createServer(slowest, (incoming, outgoing) => {
    active.add(outgoing);
    outgoing.once("close", () => active.delete(outgoing));
    serve({ incoming, outgoing, guard, answer: handler.fetch }).catch((error: unknown) => {
      say(error instanceof Error ? error : new Error(String(error)));
      refuse(outgoing, { status: 500, message: "This request failed: loci mcp said why on stderr." });
    });
  });
  server.maxConnections = 256;
  const port = await listen(server, options);
  const { host, token, names, signal, onListening } = options;
  guard = createGuard({ names: [...localNames(port), ...names], path, token });
  onListening(`http://${host.includes(":") ? `[${host}]` : host}:${port}${path}`);
  if (!signal.aborted) await once(signal, "abort");
  await stop(server, active);
  await handler.close();
}

interface Serving {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly guard: Guard;
  readonly answer: Answerer;
}

async function serve({ incoming, outgoing, guard, answer }: Serving): Promise<void> {
  const refusal = guard(incoming);
  if (refusal !== undefined) {
    refuse(outgoing, refusal);
    return;
  }
  const body = await readBody(incoming, mostBytes);
  if (body === undefined) {
    refuse(outgoing, { status: 413, message: `A message is at most ${mostBytes / 1024 / 1024} MB long.` });
    return;
  }
  await exchange({ incoming, body }, outgoing, answer);
}

/** The connection ends with it: what else was sent on it is not read. */
function refuse(outgoing: ServerResponse, { status, message }: { status: number; message: string }): void {
  if (outgoing.headersSent) {
    outgoing.destroy();
    return;
  }
  outgoing.writeHead(status, {
    "content-type": "application/json",
    "cache-control": "no-store",
    connection: "close",
    ...(status === 401 ? { "www-authenticate": 'Bearer realm="loci"' } : {}),
  });
  outgoing.end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32_000, message } }));
}

async function listen(server: HttpServer, { host, port }: HttpOptions): Promise<number> {
  // One that is not asked for may be another: it is said which.
  const candidates = port === undefined ? [...Array(20).keys()].map((at) => usualPort + at) : [port];
  for (const candidate of [...candidates, ...(port === undefined ? [0] : [])]) {
    try {
      server.listen(candidate, host);
      await once(server, "listening");
      const address = server.address();
      if (typeof address === "object" && address !== null) return address.port;
    } catch (cause) {
      const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
      if (code === "EADDRINUSE" && port === undefined) continue;
      throw notListening(cause, { code, host, port: candidate });
    }
  }
  throw new LociError("busy", "No port is free.", { where: host, next: "loci mcp --http --port 0" });
}

function notListening(
  cause: unknown,
  { code, host, port }: { readonly code: unknown; readonly host: string; readonly port: number },
): LociError {
  const where = `${host}:${port}`;
  if (code === "EADDRINUSE") {
    return new LociError("busy", `Port ${port} is used by another program.`, {
      where,
      next: "loci mcp --http --port 0 takes any free port, without --port one near the usual",
      cause,
    });
  }
  if (code === "EACCES") {
    return new LociError("permission", `The system does not let us listen on port ${port}.`, {
      where,
      next: "Take a port from 1024 on: loci mcp --http --port 4747",
      cause,
    });
  }
  return new LociError("config", `Nothing can listen on ${where}: ${String(cause)}`, {
    where,
    next: "loci mcp --http --host 127.0.0.1",
    cause,
  });
}

async function stop(server: HttpServer, active: ReadonlySet<ServerResponse>): Promise<void> {
  const closed = new Promise((done) => server.close(done));
  const late = AbortSignal.timeout(patience);
  setMaxListeners(0, late);
  const ended = [...active].map((answer) => once(answer, "close", { signal: late }));
  // One that is late is cut off below, with the connections that only wait.
  await Promise.allSettled(ended);
  server.closeAllConnections();
  await closed;
}
