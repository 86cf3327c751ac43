import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import { failure, type SignalKind, type TelemetryReceiver } from "../../operations/telemetry.ts";
import { readBody } from "./exchange.ts";

/** OTLP/HTTP: where exporters send to, below the endpoint that they are given. */
export const otlpPaths: Readonly<Record<string, SignalKind>> = {
  "/v1/traces": "traces",
  "/v1/logs": "logs",
  "/v1/metrics": "metrics",
};

/** The longest request, as it comes and as it unfolds. */
const mostBytes = 32 * 1024 * 1024;
const mostUnfolded = 64 * 1024 * 1024;
/** Together, of all that are being received: who comes on top is asked to come again. */
const mostAtOnce = 256 * 1024 * 1024;

export interface OtlpAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array;
  readonly retryAfter?: number;
}

export type OtlpDoor = (kind: SignalKind, request: IncomingMessage) => Promise<OtlpAnswer>;

/** Takes requests of exporters: JSON and protobuf, plain, gzip and deflate. */
export function createOtlpDoor(receiver: TelemetryReceiver): OtlpDoor {
  let held = 0;
  // One is unfolded and read at a time: the memory that it takes is not multiplied by who sends.
  let turn: Promise<unknown> = Promise.resolve();
  return async (kind, request) => {
    const type = (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
    const format = type === "application/json" ? "json" : "protobuf";
    const answer = (status: number, message: string): OtlpAnswer => ({
      status,
      type: format === "json" ? "application/json" : "application/x-protobuf",
      body: failure(format, status === 413 ? 8 : 3, message),
    });
    if (request.method !== "POST") return answer(405, "Telemetry is sent by POST.");
    if (type !== "application/json" && type !== "application/x-protobuf")
      return answer(415, "Telemetry is application/json or application/x-protobuf.");
    const share = Math.min(mostBytes, Number(request.headers["content-length"] ?? mostBytes));
    if (held + share > mostAtOnce) return { ...answer(503, "Too much at once."), retryAfter: 1 };
    held += share;
    try {
      const sent = await readBody(request, mostBytes);
      if (sent === undefined) return answer(413, `A request is at most ${mostBytes / 1024 / 1024} MB long.`);
      const mine = turn.then(async () => {
        const body = await unfolded(sent, request.headers["content-encoding"]);
        return typeof body === "number" ? body : receiver.receive({ kind, format, body });
      });
      turn = mine.catch(() => undefined);
      const received = await mine;
      if (received === 413)
        return answer(413, `A request unfolds to at most ${mostUnfolded / 1024 / 1024} MB.`);
      if (received === 415) return answer(415, "Content is gzip, deflate or identity.");
      if (received === 400) return answer(400, "The content is not what its encoding says.");
      if (typeof received === "number") return answer(received, "This request failed.");
      return {
        ...answer(received.status, ""),
        body: received.body,
        ...(received.status === 503 ? { retryAfter: 5 } : {}),
      };
    } finally {
      held -= share;
    }
  };
}

/** The bytes, or the status of why there are none. */
async function unfolded(sent: Buffer, encoding: string | undefined): Promise<Buffer | number> {
  const name = encoding?.trim().toLowerCase() ?? "identity";
  if (name === "identity" || name === "") return sent;
  if (name !== "gzip" && name !== "deflate") return 415;
  try {
    return await promisify(name === "gzip" ? gunzip : inflate)(sent, { maxOutputLength: mostUnfolded });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return code === "ERR_BUFFER_TOO_LARGE" ? 413 : 400;
  }
}
