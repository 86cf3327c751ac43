import type { Field, Message } from "./wire.ts";

/** OTLP's messages (opentelemetry-proto 1.x): the fields that we read. */
const text = (name: string): Field => ({ name, kind: "text" });
const hex = (name: string): Field => ({ name, kind: "hex" });
const integer = (name: string): Field => ({ name, kind: "integer" });
const moment = (name: string): Field => ({ name, kind: "fixed64" });
const one = (name: string, kind: () => Message): Field => ({ name, kind });
const many = (name: string, kind: () => Message): Field => ({ name, kind, many: true });

const anyValue: Message = {
  1: text("stringValue"),
  2: { name: "boolValue", kind: "boolean" },
  3: integer("intValue"),
  4: { name: "doubleValue", kind: "double" },
  5: one("arrayValue", () => ({ 1: many("values", () => anyValue) })),
  6: one("kvlistValue", () => ({ 1: many("values", () => keyValue) })),
  7: { name: "bytesValue", kind: "base64" },
};
const keyValue: Message = { 1: text("key"), 2: one("value", () => anyValue) };
const attributes = many("attributes", () => keyValue);
const resource = one("resource", () => ({ 1: attributes }));
const scope = one("scope", () => ({ 1: text("name"), 2: text("version"), 3: attributes }));

const span: Message = {
  1: hex("traceId"),
  2: hex("spanId"),
  4: hex("parentSpanId"),
  5: text("name"),
  6: integer("kind"),
  7: moment("startTimeUnixNano"),
  8: moment("endTimeUnixNano"),
  9: attributes,
  11: many("events", () => ({ 1: moment("timeUnixNano"), 2: text("name"), 3: attributes })),
  15: one("status", () => ({ 2: text("message"), 3: integer("code") })),
};

const logRecord: Message = {
  1: moment("timeUnixNano"),
  2: integer("severityNumber"),
  3: text("severityText"),
  5: one("body", () => anyValue),
  6: attributes,
  9: hex("traceId"),
  10: hex("spanId"),
  11: moment("observedTimeUnixNano"),
  12: text("eventName"),
};

const numberPoint: Message = {
  2: moment("startTimeUnixNano"),
  3: moment("timeUnixNano"),
  4: { name: "asDouble", kind: "double" },
  6: integer("asInt"),
  7: attributes,
};
const histogramPoint: Message = {
  2: moment("startTimeUnixNano"),
  3: moment("timeUnixNano"),
  4: moment("count"),
  5: { name: "sum", kind: "double" },
  9: attributes,
};
const points = (point: Message): (() => Message) => {
  const data: Message = {
    1: many("dataPoints", () => point),
    2: integer("aggregationTemporality"),
    3: { name: "isMonotonic", kind: "boolean" },
  };
  return () => data;
};
const metric: Message = {
  1: text("name"),
  3: text("unit"),
  5: one("gauge", points(numberPoint)),
  7: one("sum", points(numberPoint)),
  9: one("histogram", points(histogramPoint)),
};

/** What is sent to `/v1/traces`, `/v1/logs` and `/v1/metrics`. */
export const requests: Readonly<Record<"traces" | "logs" | "metrics", Message>> = {
  traces: {
    1: many("resourceSpans", () => ({
      1: resource,
      2: many("scopeSpans", () => ({ 1: scope, 2: many("spans", () => span) })),
    })),
  },
  logs: {
    1: many("resourceLogs", () => ({
      1: resource,
      2: many("scopeLogs", () => ({ 1: scope, 2: many("logRecords", () => logRecord) })),
    })),
  },
  metrics: {
    1: many("resourceMetrics", () => ({
      1: resource,
      2: many("scopeMetrics", () => ({ 1: scope, 2: many("metrics", () => metric) })),
    })),
  },
};
