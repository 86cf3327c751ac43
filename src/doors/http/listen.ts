import { once, setMaxListeners } from "node:events";
import type { Server, ServerResponse } from "node:http";
import { LociError } from "../../errors.ts";

export interface ListenOptions {
  readonly host: string;
  /** Undefined: the usual one, or the next that is free; 0: any. */
  readonly port: number | undefined;
  readonly usual: number;
  /** What one typed, for the errors: `loci serve`. */
  readonly command: string;
}

/** What is being answered when the signal comes may end; then the connections are closed. */
const patience = 2_000;

/** Who sends its head or its body slower than this holds a connection that others want. */
export const slowest = {
  headersTimeout: 5_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
} as const;

/** More at once are not let in. */
export const mostConnections = 256;

/** Listens, and answers the port. Errors: `busy`, `permission`, `config`. */
export async function listen(server: Server, options: ListenOptions): Promise<number> {
  const { host, port, usual, command } = options;
  // One that is not asked for may be another: it is said which.
  const candidates = port === undefined ? [...Array(20).keys()].map((at) => usual + at) : [port];
  for (const candidate of [...candidates, ...(port === undefined ? [0] : [])]) {
    try {
      server.listen(candidate, host);
      await once(server, "listening");
      const address = server.address();
      if (typeof address === "object" && address !== null) return address.port;
    } catch (cause) {
      const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
      if (code === "EADDRINUSE" && port === undefined) continue;
      throw notListening(cause, { ...options, code, port: candidate });
    }
  }
  throw new LociError("busy", "No port is free.", { where: host, next: `${command} --port 0` });
}

function notListening(
  cause: unknown,
  { code, host, port, usual, command }: ListenOptions & { readonly code: unknown },
): LociError {
  const where = `${host}:${port}`;
  if (code === "EADDRINUSE") {
    return new LociError("busy", `Port ${port} is used by another program.`, {
      where,
      next: `${command} --port 0 takes any free port, without --port one near the usual`,
      cause,
    });
  }
  if (code === "EACCES") {
    return new LociError("permission", `The system does not let us listen on port ${port}.`, {
      where,
      next: `Take a port from 1024 on: ${command} --port ${usual}`,
      cause,
    });
  }
  return new LociError("config", `Nothing can listen on ${where}: ${String(cause)}`, {
    where,
    next: `${command} --host 127.0.0.1`,
    cause,
  });
}

/** Ends it: what is being answered may end first. */
export async function stop(server: Server, active: ReadonlySet<ServerResponse>): Promise<void> {
  const closed = new Promise((done) => server.close(done));
  const late = AbortSignal.timeout(patience);
  setMaxListeners(0, late);
  const ended = [...active].map((answer) => once(answer, "close", { signal: late }));
  // One that is late is cut off below, with the connections that only wait.
  await Promise.allSettled(ended);
  server.closeAllConnections();
  await closed;
}
