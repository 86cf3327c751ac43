// Sends a list of SSE frames, honouring the fault knobs of a reply:
// delayMs (before headers), chunkDelayMs (between frames), cutAfter (destroy the socket after N frames), hang (never end).
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

export async function sendSse({ res, reply, headers = {} }, frames) {
  if (reply.delayMs) await sleep(reply.delayMs);
  if (res.destroyed) return;
  res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache", ...headers });
  let n = 0;
  for (const f of frames) {
    if (res.destroyed) return;
    res.write(
      (f.event ? `event: ${f.event}\n` : "") +
        `data: ${typeof f.data === "string" ? f.data : JSON.stringify(f.data)}\n\n`,
    );
    n++;
    if (reply.cutAfter !== undefined && n >= reply.cutAfter) {
      res.destroy();
      return;
    }
    if (reply.hangAfter !== undefined && n >= reply.hangAfter) return; // keep the connection open for ever
    if (reply.chunkDelayMs) await sleep(reply.chunkDelayMs);
  }
  res.end();
}

export async function sendJson({ res, reply = {}, headers = {} }, status, body) {
  if (reply.delayMs) await sleep(reply.delayMs);
  if (res.destroyed) return;
  res.writeHead(status, { "content-type": "application/json", ...headers });
  res.end(JSON.stringify(body));
}
