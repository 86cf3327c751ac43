import type { Recorder } from "./recorder.ts";
import { type JsonObject, objectOf } from "./sources/claude-code/line.ts";
import { requests } from "./sources/otlp/messages.ts";
import { readTelemetry } from "./sources/otlp/otlp.ts";
import type { SignalKind } from "./sources/otlp/signal.ts";
import { readMessage } from "./sources/otlp/wire.ts";

export type { SignalKind } from "./sources/otlp/signal.ts";

export interface TelemetryRequest {
  readonly kind: SignalKind;
  readonly format: "json" | "protobuf";
  readonly body: Uint8Array;
}

/** What OTLP wants answered: 200 for what was taken, 400 for what nobody can read, 503 to be asked again. */
export interface TelemetryAnswer {
  readonly status: 200 | 400 | 503;
  /** In the format that was asked in. */
  readonly body: Uint8Array;
}

export interface TelemetryTally {
  readonly requests: number;
  /** Happenings that the recorder took. */
  readonly recorded: number;
  /** Records that tell of no agent. */
  readonly unrelated: number;
  readonly rejected: number;
}

export interface TelemetryReceiver {
  /** Answers when what the request tells is in the spool. Never throws. */
  receive(request: TelemetryRequest): TelemetryAnswer;
  readonly tally: TelemetryTally;
}

/** What was not written because the spool could not be, as the recorder's tally has it: it may be sent again. */
const ofTheSpool = /^the (spool|disk) /;

export function createTelemetryReceiver(
  recorder: Pick<Recorder, "record" | "tally">,
  { now }: { readonly now: () => number },
): TelemetryReceiver {
  let tally: TelemetryTally = { requests: 0, recorded: 0, unrelated: 0, rejected: 0 };
  return {
    receive({ kind, format, body }) {
      const request = readRequest(kind, format, body);
      if (typeof request === "string") {
        tally = { ...tally, requests: tally.requests + 1, rejected: tally.rejected + 1 };
        return { status: 400, body: failure(format, 3, request) };
      }
      const before = trouble(recorder);
      const { happenings, unrelated, rejected: unreadable } = readTelemetry(kind, request, now());
      const recorded = happenings.filter((happening) => recorder.record(happening) !== undefined).length;
      const refused = happenings.length - recorded;
      const rejected = unreadable + refused;
      tally = {
        requests: tally.requests + 1,
        recorded: tally.recorded + recorded,
        unrelated: tally.unrelated + unrelated,
        rejected: tally.rejected + rejected,
      };
      // Sent again, what was taken stays as it is.
      if (trouble(recorder) > before)
        return { status: 503, body: failure(format, 14, "The spool cannot be written.") };
      const why = unreadable > 0 ? "not as OTLP has it" : "refused by the recorder";
      return { status: 200, body: success(kind, format, { rejected, why }) };
    },
    get tally() {
      return tally;
    },
  };
}

function trouble({ tally }: Pick<Recorder, "tally">): number {
  return Object.entries(tally.reasons).reduce(
    (sum, [reason, count]) => sum + (ofTheSpool.test(reason) ? count : 0),
    0,
  );
}

/** The request, or why it is none. */
function readRequest(
  kind: SignalKind,
  format: TelemetryRequest["format"],
  body: Uint8Array,
): JsonObject | string {
  try {
    if (format === "protobuf") return readMessage(body, requests[kind]);
    return objectOf(JSON.parse(Buffer.from(body).toString("utf8"))) ?? "The request is not a JSON object.";
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 200) : "The request cannot be read.";
  }
}

const rejectedNames = {
  traces: "rejectedSpans",
  logs: "rejectedLogRecords",
  metrics: "rejectedDataPoints",
} as const;

function success(
  kind: SignalKind,
  format: TelemetryRequest["format"],
  { rejected, why }: { readonly rejected: number; readonly why: string },
): Uint8Array {
  if (format === "protobuf") {
    if (rejected === 0) return new Uint8Array(0);
    return bytesField(1, Buffer.concat([numberField(1, rejected), bytesField(2, Buffer.from(why))]));
  }
  const partialSuccess = { [rejectedNames[kind]]: String(rejected), errorMessage: why };
  return Buffer.from(JSON.stringify(rejected === 0 ? {} : { partialSuccess }));
}

/** A `google.rpc.Status`. */
export function failure(format: TelemetryRequest["format"], code: number, message: string): Uint8Array {
  return format === "json"
    ? Buffer.from(JSON.stringify({ code, message }))
    : Buffer.concat([numberField(1, code), bytesField(2, Buffer.from(message))]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left > 127; left = Math.floor(left / 128)) bytes.push((left % 128) + 128);
  return [...bytes, left];
}

function numberField(field: number, value: number): Buffer {
  return Buffer.from([field * 8, ...varint(value)]);
}

function bytesField(field: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([field * 8 + 2, ...varint(bytes.length)]), bytes]);
}
