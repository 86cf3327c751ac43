import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";

/** A handler of the web's own shape, such as the protocol's SDK makes. */
export type Answerer = (request: Request) => Promise<Response>;

/** The body, or undefined where it is longer than it may be. */
export async function readBody(request: IncomingMessage, most: number): Promise<Buffer | undefined> {
  const told = Number(request.headers["content-length"] ?? 0);
  if (told > most) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    // A request's stream gives buffers unless an encoding is set.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the stream's type is that of any stream
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > most) return undefined;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** Node's request to the handler, the handler's response to Node, piece by piece as it comes. */
export async function exchange(
  { incoming, body }: { readonly incoming: IncomingMessage; readonly body: Buffer },
  outgoing: ServerResponse,
  answer: Answerer,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  const method = incoming.method ?? "GET";
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers))
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  const response = await answer(
    new Request(`http://localhost${incoming.url ?? "/"}`, {
      method,
      headers,
      signal: gone.signal,
      ...(method === "GET" || method === "HEAD" ? {} : { body: new Uint8Array(body) }),
    }),
  );
  outgoing.writeHead(response.status, [...response.headers].flat());
  if (response.body === null) {
    outgoing.end();
    return;
  }
  const reader = response.body.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if (gone.signal.aborted) break;
      if (!outgoing.write(part.value)) await once(outgoing, "drain", { signal: gone.signal });
    }
  } catch (error) {
    // Who asked is gone: there is nobody to tell.
    if (!gone.signal.aborted) throw error;
  } finally {
    await reader.cancel().catch(() => undefined);
    outgoing.end();
  }
}
