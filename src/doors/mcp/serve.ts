import { once } from "node:events";
import { safeText } from "../cli/safe.ts";
import { serveStdio } from "./sdk.ts";
import { createServer, type ServerParts } from "./server.ts";

// One file of the build has both, and the SDK once.
export { serveHttp } from "./serve-http.ts";

/** Serves on stdin and stdout until the client closes stdin, or the signal comes. */
export async function serveTools({
  signal,
  ...parts
}: ServerParts & { readonly signal: AbortSignal }): Promise<void> {
  const handle = serveStdio(() => createServer(parts), {
    onerror: (error) => process.stderr.write(`loci mcp: ${safeText(error.message)}\n`),
  });
  // The listener does not start the reading: the transport did.
  const left = once(process.stdin, "close");
  // It stops reading where it gave the connection up: a message that was too long, a client that reads no more.
  const given = once(process.stdin, "pause");
  const told = signal.aborted ? Promise.resolve() : once(signal, "abort");
  await Promise.race([left, given, told]);
  await handle.close();
}
