import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { safeText } from "../cli/safe.ts";
import { type Answerer, exchange, readBody } from "../http/exchange.ts";
import { createGuard, type Guard, localNames } from "../http/guard.ts";
import { listen, mostConnections, slowest, stop } from "../http/listen.ts";
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
  server.maxConnections = mostConnections;
  const { host, token, names, signal, onListening } = options;
  const command = "loci mcp --http";
  const port = await listen(server, { host, port: options.port, usual: usualPort, command });
  guard = createGuard({ names: [...localNames(port), ...names], paths: [path], token, command });
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
