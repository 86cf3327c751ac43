import { type JsonObject, objectOf, textOf } from "../claude-code/line.ts";

/** What OTLP carries: spans, log records and data points of metrics. */
export type SignalKind = "traces" | "logs" | "metrics";

/** One span, log record or data point, out of its envelope. */
export interface Signal {
  readonly kind: SignalKind;
  readonly name: string;
  /** What it says of itself, attributes flattened to plain values. */
  readonly attributes: JsonObject;
  readonly resource: JsonObject;
  readonly scope: string;
  /** Milliseconds; a log record and a point end when they begin. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly body: unknown;
  readonly events: ReadonlyArray<{ readonly name: string; readonly attributes: JsonObject }>;
  /** Why it failed, where its status is an error. */
  readonly failure: string | undefined;
  /** As it came, for the raw lines. */
  readonly raw: JsonObject;
}

export interface Signals {
  readonly signals: readonly Signal[];
  /** Records that are none: no object, a span without ids. */
  readonly rejected: number;
}

const envelopes = {
  traces: ["resourceSpans", "scopeSpans", "spans"],
  logs: ["resourceLogs", "scopeLogs", "logRecords"],
  metrics: ["resourceMetrics", "scopeMetrics", "metrics"],
} as const;

/** The records of a request. What is not as it should be is left out, and counted; nothing throws. */
export function signalsOf(
  kind: SignalKind,
  request: JsonObject,
  /** When it came: the moment of what names none. */
  now: number,
): Signals {
  const [ofResource, ofScope, ofRecord] = envelopes[kind];
  const signals: Signal[] = [];
  let rejected = 0;
  for (const outer of objectsIn(request[ofResource])) {
    const resource = attributesOf(objectOf(outer["resource"])?.["attributes"]);
    for (const inner of objectsIn(outer[ofScope])) {
      const scope = textOf(objectOf(inner["scope"])?.["name"]) ?? "";
      for (const record of listOf(inner[ofRecord])) {
        const raw = objectOf(record);
        const found = raw === undefined ? [] : recordSignals(kind, raw, { resource, scope, now });
        if (found.length === 0) rejected++;
        signals.push(...found);
      }
    }
  }
  return { signals, rejected };
}

interface Around {
  readonly resource: JsonObject;
  readonly scope: string;
  readonly now: number;
}

function recordSignals(kind: SignalKind, raw: JsonObject, { now, ...around }: Around): Signal[] {
  if (kind === "metrics") return pointsOf(raw, { now, ...around });
  const attributes = attributesOf(raw["attributes"]);
  const ids = {
    traceId: hexOf(raw["traceId"]),
    spanId: hexOf(raw["spanId"]),
    parentSpanId: hexOf(raw["parentSpanId"]),
  };
  if (kind === "logs") {
    const at = momentOfNanos(raw["timeUnixNano"]) ?? momentOfNanos(raw["observedTimeUnixNano"]) ?? now;
    const body = valueOf(raw["body"], 0);
    const name =
      textOf(attributes["event.name"]) ??
      textOf(raw["eventName"]) ??
      (typeof body === "string" ? body.slice(0, 200) : "");
    return [
      {
        ...around,
        ...ids,
        kind,
        name,
        attributes,
        startedAt: at,
        endedAt: at,
        body,
        events: [],
        failure: undefined,
        raw,
      },
    ];
  }
  const startedAt = momentOfNanos(raw["startTimeUnixNano"]);
  const name = textOf(raw["name"]);
  if (startedAt === undefined || name === undefined || ids.traceId === "" || ids.spanId === "") return [];
  const endedAt = Math.max(startedAt, momentOfNanos(raw["endTimeUnixNano"]) ?? startedAt);
  const status = objectOf(raw["status"]);
  const isError = status?.["code"] === 2 || status?.["code"] === "STATUS_CODE_ERROR";
  const events = objectsIn(raw["events"]).map((event) => ({
    name: textOf(event["name"]) ?? "",
    attributes: attributesOf(event["attributes"]),
  }));
  const failure = isError ? (textOf(status["message"]) ?? exceptionOf(events) ?? "error") : undefined;
  return [
    {
      ...around,
      ...ids,
      kind,
      name,
      attributes,
      startedAt,
      endedAt,
      body: undefined,
      events,
      failure,
      raw,
    },
  ];
}

function exceptionOf(events: Signal["events"]): string | undefined {
  return textOf(events.find(({ name }) => name === "exception")?.attributes["exception.message"]);
}

/** The points of a metric, each with the metric's name. */
function pointsOf(metric: JsonObject, { now, ...around }: Around): Signal[] {
  const name = textOf(metric["name"]);
  const data = objectOf(metric["sum"] ?? metric["gauge"] ?? metric["histogram"]);
  if (name === undefined || data === undefined) return [];
  const { dataPoints: _, ...shape } = data;
  return objectsIn(data["dataPoints"]).map((point): Signal => {
    const at = momentOfNanos(point["timeUnixNano"]) ?? now;
    return {
      ...around,
      kind: "metrics",
      name,
      attributes: attributesOf(point["attributes"]),
      startedAt: at,
      endedAt: at,
      traceId: "",
      spanId: "",
      parentSpanId: "",
      body: point["asInt"] ?? point["asDouble"] ?? point["sum"],
      events: [],
      failure: undefined,
      raw: { name, unit: metric["unit"], ...shape, ...point },
    };
  });
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function objectsIn(value: unknown): JsonObject[] {
  return listOf(value)
    .map(objectOf)
    .filter((item) => item !== undefined);
}

/** Deeper values than this are cut: engines and doors walk values recursively. */
const deepest = 32;

export function attributesOf(list: unknown): JsonObject {
  return entriesOf(list, 0);
}

function entriesOf(list: unknown, depth: number): JsonObject {
  const entries = objectsIn(list).flatMap((entry) => {
    const key = textOf(entry["key"]);
    return key === undefined ? [] : [[key, valueOf(entry["value"], depth)] as const];
  });
  // Not by assignment: a key may be `__proto__`.
  return Object.fromEntries(entries);
}

/** The value in an AnyValue. */
function valueOf(given: unknown, depth: number): unknown {
  const value = objectOf(given);
  if (value === undefined) return undefined;
  if (depth > deepest) return "[too deep]";
  if ("stringValue" in value)
    return typeof value["stringValue"] === "string" ? value["stringValue"] : undefined;
  if ("boolValue" in value) return value["boolValue"] === true;
  if ("intValue" in value) return numberOf(value["intValue"]);
  if ("doubleValue" in value) return numberOf(value["doubleValue"]);
  if ("arrayValue" in value)
    return listOf(objectOf(value["arrayValue"])?.["values"]).map((item) => valueOf(item, depth + 1));
  if ("kvlistValue" in value) return entriesOf(objectOf(value["kvlistValue"])?.["values"], depth + 1);
  return textOf(value["bytesValue"]);
}

/** Numbers come as numbers or, of 64 bits, as text; one that JavaScript has not stays text. */
export function numberOf(value: unknown): number | string | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const number = Number(value);
  return Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number))
    ? number
    : value;
}

/** Ids are hex in OTLP's JSON; a zero id is none. */
function hexOf(value: unknown): string {
  const id = textOf(value)?.toLowerCase() ?? "";
  return /^[0-9a-f]{1,64}$/.test(id) && !/^0+$/.test(id) ? id : "";
}

/** Nanoseconds since 1970 as milliseconds, to the year 9999; 0 is none. */
function momentOfNanos(value: unknown): number | undefined {
  const nanos = typeof value === "string" || typeof value === "number" ? Number(value) : Number.NaN;
  const at = Math.floor(nanos / 1e6);
  return at > 0 && at < 253_402_300_800_000 ? at : undefined;
}
