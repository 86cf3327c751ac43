import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createIngest, type Ingest } from "../../dist/domains/ingest.js";
import { createMemoryEngine } from "../../dist/engine/memory.js";
import type { Engine } from "../../dist/engine/engine.js";
import { type Message, messages } from "../../dist/model/message.js";
import { modelCalls } from "../../dist/model/model-call.js";
import { type Session, sessions } from "../../dist/model/session.js";
import { type ToolExecution, toolExecutions } from "../../dist/model/tool-execution.js";
import { createTelemetryReceiver, type TelemetryReceiver } from "../../dist/record/telemetry.js";
import { readTelemetry } from "../../dist/record/sources/otlp/otlp.js";
import { root } from "../support/tools.ts";

export type Kind = "traces" | "logs" | "metrics";

export interface Sent {
  readonly kind: Kind;
  readonly body: Record<string, unknown>;
}

/** The requests of a fixture, in the order they were sent. */
export function sent(name: string): Sent[] {
  const text = readFileSync(join(root, "test/fixtures/otlp", `${name}.jsonl`), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { path: string; body: Record<string, unknown> })
    .map(({ path, body }) => ({ kind: path.slice("/v1/".length) as Kind, body }));
}

/** A store in memory that takes what requests tell. */
export interface Told {
  readonly engine: Engine;
  readonly ingest: Ingest;
  take(requests: readonly Sent[]): Promise<{ readonly unrelated: number; readonly rejected: number }>;
  sessions(): Promise<readonly Session[]>;
  said(sessionId: string): Promise<readonly Message[]>;
  tools(sessionId: string): Promise<readonly ToolExecution[]>;
  calls(
    sessionId: string,
  ): Promise<ReadonlyArray<{ readonly durationMs: number | null; readonly metadata: unknown }>>;
}

export async function told(): Promise<Told> {
  const engine = createMemoryEngine();
  const { storeSchema } = await import("../../dist/model/schema.js");
  await engine.prepare(storeSchema);
  const ingest = createIngest(engine, { now: Date.now, costOf: () => null });
  return {
    engine,
    ingest,
    async take(requests) {
      let [unrelated, rejected] = [0, 0];
      for (const { kind, body } of requests) {
        const read = readTelemetry(kind, body, Date.now());
        unrelated += read.unrelated;
        rejected += read.rejected;
        await ingest.settle((await ingest.write(read.happenings)).sessions);
      }
      return { unrelated, rejected };
    },
    sessions: () => engine.find(sessions, { orderBy: [["startedAt", "up"]] }),
    said: (sessionId) => engine.find(messages, { where: { sessionId }, orderBy: [["sequence", "up"]] }),
    tools: (sessionId) =>
      engine.find(toolExecutions, { where: { sessionId }, orderBy: [["startedAt", "up"]] }),
    calls: (sessionId) => engine.find(modelCalls, { where: { sessionId } }),
  };
}

/** A receiver whose recorder keeps what it is given, and does what the test says. */
export function receiver(record: (happening: unknown) => string | undefined = () => "id"): {
  readonly receive: TelemetryReceiver["receive"];
  readonly reasons: Record<string, number>;
  readonly taken: unknown[];
} {
  const taken: unknown[] = [];
  const reasons: Record<string, number> = {};
  const recorder = {
    record: (happening: unknown) => {
      taken.push(happening);
      return record(happening);
    },
    get tally() {
      return { noted: 0, written: 0, spooled: 0, dropped: 0, reasons };
    },
  };
  const { receive } = createTelemetryReceiver(recorder, { now: Date.now });
  return { receive, reasons, taken };
}

interface Span {
  readonly name: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly status: { readonly code: number; readonly message?: string };
  readonly events: ReadonlyArray<readonly [name: string, attributes: Readonly<Record<string, unknown>>]>;
  readonly parent?: string;
}

/** The spans of the AI SDK as OTLP has them: a run is a trace, and ends with the span that has no parent. */
export function aiSdkSpans(): Sent {
  const lines = readFileSync(join(root, "test/fixtures/otlp/ai-sdk-spans.jsonl"), "utf8").trim().split("\n");
  let trace = 1;
  const spans = lines.map((line, number) => {
    const { name, attrs, status, events, parent } = JSON.parse(line) as Span;
    const span = {
      traceId: String(trace).padStart(32, "0"),
      spanId: String(number + 1).padStart(16, "0"),
      name,
      status,
      startTimeUnixNano: String(BigInt(1_795_204_000_000 + number) * 1_000_000n),
      endTimeUnixNano: String(BigInt(1_795_204_000_001 + number) * 1_000_000n),
      attributes: attributesOf(attrs),
      events: events.map(([event, attributes]) => ({ name: event, attributes: attributesOf(attributes) })),
    };
    if (parent === undefined) trace++;
    return span;
  });
  return { kind: "traces", body: { resourceSpans: [{ scopeSpans: [{ spans }] }] } };
}

export function attributesOf(given: Readonly<Record<string, unknown>>): object[] {
  return Object.entries(given).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: unknown): object {
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
  if (typeof value === "number")
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return { stringValue: String(value) };
}
