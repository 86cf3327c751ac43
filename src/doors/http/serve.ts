import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TelemetryReceiver } from "../../operations/telemetry.ts";
import { safeText } from "../cli/safe.ts";
import { createGuard, type Guard, localNames } from "./guard.ts";
import { listen, mostConnections, slowest, stop } from "./listen.ts";
import { createOtlpDoor, type OtlpDoor, otlpPaths } from "./otlp.ts";

export interface ServeOptions {
  readonly host: string;
  readonly port: number | undefined;
  readonly token: string;
  /** Names other than this machine's own by which others call it. */
  readonly names: readonly string[];
  readonly signal: AbortSignal;
  /** Told when it listens. */
  readonly onListening: (url: string) => void;
}

const command = "loci serve";
/** The port of OTLP/HTTP: an exporter that is told nothing sends there. */
const usualPort = 4318;

/** Serves until the signal comes. Errors: `busy`, `permission`, `config`. */
export async function serve(receiver: TelemetryReceiver, options: ServeOptions): Promise<void> {
  const http = await import("node:http");
  const { host, token, names, signal, onListening } = options;
  let guard: Guard = () => ({ status: 503, message: "Not yet." });
  const otlp = createOtlpDoor(receiver);
  const active = new Set<ServerResponse>();
  const server = http.createServer(slowest, (incoming, outgoing) => {
    active.add(outgoing);
    outgoing.once("close", () => active.delete(outgoing));
    answer({ incoming, outgoing, guard, otlp }).catch((error: unknown) => {
      // Who asked may be gone in the middle of the request; that is no trouble of ours.
      if (!outgoing.destroyed)
        process.stderr.write(
          `${command}: ${safeText(error instanceof Error ? error.message : String(error))}\n`,
        );
      if (outgoing.headersSent) outgoing.destroy();
      else say(outgoing, { status: 500, type: "text/plain", body: "This request failed." });
    });
  });
  server.maxConnections = mostConnections;
  const port = await listen(server, { host, port: options.port, usual: usualPort, command });
  guard = createGuard({
    names: [...localNames(port), ...names],
    paths: Object.keys(otlpPaths),
    token,
    command,
  });
  onListening(`http://${host.includes(":") ? `[${host}]` : host}:${port}`);
  if (!signal.aborted) await once(signal, "abort");
  await stop(server, active);
}

interface Serving {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly guard: Guard;
  readonly otlp: OtlpDoor;
}

async function answer({ incoming, outgoing, guard, otlp }: Serving): Promise<void> {
  const refusal = guard(incoming);
  if (refusal !== undefined) {
    // What else was sent on this connection is not read.
    outgoing.setHeader("connection", "close");
    if (refusal.status === 401) outgoing.setHeader("www-authenticate", 'Bearer realm="loci"');
    const body = JSON.stringify({ message: refusal.message });
    say(outgoing, { status: refusal.status, type: "application/json", body });
    return;
  }
  const kind = otlpPaths[(incoming.url ?? "").split("?", 1)[0] ?? ""];
  // The guard lets nothing else through.
  if (kind === undefined) return;
  const { retryAfter, ...answered } = await otlp(kind, incoming);
  if (retryAfter !== undefined) outgoing.setHeader("retry-after", retryAfter);
  if (answered.status !== 200) outgoing.setHeader("connection", "close");
  say(outgoing, answered);
}

function say(
  outgoing: ServerResponse,
  {
    status,
    type,
    body,
  }: { readonly status: number; readonly type: string; readonly body: string | Uint8Array },
): void {
  outgoing.writeHead(status, { "content-type": type, "cache-control": "no-store" });
  outgoing.end(body);
}
