import { errorCode } from "../errors.ts";
import type { Knowledge } from "./knowledge.ts";
import type { Memory } from "./memory.ts";

/**
 * What agents remember, as spans of the GenAI conventions, where the program around us has a tracer. We import nothing
 * for it: OpenTelemetry's API keeps what was registered under this name, whichever copy of it registered.
 */
const registry = Symbol.for("opentelemetry.js.api.1");

type Operation = "create_memory" | "update_memory" | "delete_memory" | "search_memory";
type Attributes = Readonly<Record<string, string | number>>;

interface Span {
  setAttribute(name: string, value: string | number): unknown;
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  end(): void;
}

interface Tracer {
  startSpan(name: string, options: { readonly kind: number; readonly attributes: Attributes }): Span;
}

/** In this process. A status of 2 is an error. */
const internal = 0;
const failed = 2;

export interface SpanOptions {
  /** What was asked and what was found stand in the span, too. Off, since others read traces. */
  readonly content: boolean;
}

interface Work<Result> {
  readonly store: string;
  readonly agentId?: string | null | undefined;
  /** The words that were asked for. */
  readonly query?: string | undefined;
  readonly recordId?: string | undefined;
  readonly run: () => Promise<Result>;
  /** The records that it was about. */
  readonly records: (result: Result) => ReadonlyArray<{ readonly id: string }> | number | undefined;
}

type Spans = <Result>(operation: Operation, work: Work<Result>) => Promise<Result>;

function createSpans({ content }: SpanOptions): Spans {
  return async (operation, { store, agentId, query, recordId, run, records }) => {
    const span = started(operation, {
      "gen_ai.operation.name": operation,
      "gen_ai.provider.name": "loci",
      "gen_ai.memory.store.id": store,
      ...(typeof agentId === "string" ? { "gen_ai.agent.id": agentId } : {}),
      ...(recordId === undefined ? {} : { "gen_ai.memory.record.id": recordId }),
      ...(content && query !== undefined ? { "gen_ai.memory.query.text": query } : {}),
    });
    if (span === undefined) return run();
    try {
      const result = await run();
      quietly(() => say(span, records(result), { content, known: recordId }));
      return result;
    } catch (error) {
      quietly(() => {
        span.setAttribute("error.type", errorCode(error) ?? (error instanceof Error ? error.name : "_OTHER"));
        span.setStatus({ code: failed, ...(error instanceof Error ? { message: error.message } : {}) });
      });
      throw error;
    } finally {
      quietly(() => span.end());
    }
  };
}

function say(
  span: Span,
  records: ReadonlyArray<{ readonly id: string }> | number | undefined,
  { content, known }: { readonly content: boolean; readonly known: string | undefined },
): void {
  if (records === undefined) return;
  span.setAttribute("gen_ai.memory.record.count", typeof records === "number" ? records : records.length);
  if (typeof records === "number") return;
  const [only, ...more] = records;
  if (known === undefined && only !== undefined && more.length === 0)
    span.setAttribute("gen_ai.memory.record.id", only.id);
  if (content) span.setAttribute("gen_ai.memory.records", JSON.stringify(records.map(recordOf)));
}

/** As the conventions write a record: what it says, its id, and the rest of it. */
function recordOf({ id, ...row }: { readonly id: string }): object {
  const { content, decisionData, score, ...metadata }: Readonly<Record<string, unknown>> = { ...row };
  return {
    id,
    content: content ?? decisionData ?? null,
    ...(typeof score === "number" ? { score } : {}),
    metadata,
  };
}

/** A span, where somebody registered a tracer. Its code is not ours: whatever it does, we go on. */
function started(name: Operation, attributes: Attributes): Span | undefined {
  const api: unknown = Reflect.get(globalThis, registry);
  if (typeof api !== "object" || api === null || !("trace" in api)) return undefined;
  try {
    // The contract of OpenTelemetry's API, major version 1: what stands under `trace` provides tracers.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a global of another package has no type
    const provider = api.trace as { getTracer(name: string): Tracer };
    return provider.getTracer("loci").startSpan(name, { kind: internal, attributes });
  } catch {
    return undefined;
  }
}

function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // A tracer that fails is the host's; what was remembered stands.
  }
}

/** The same decisions, and a span each where the host has a tracer. */
export function tracedMemory(memory: Memory, options: SpanOptions): Memory {
  const spans = createSpans(options);
  const store = "loci.memory";
  return {
    ...memory,
    add: (given) =>
      spans("create_memory", {
        store,
        agentId: given.agentId,
        run: () => memory.add(given),
        records: (row) => [row],
      }),
    supersede: (id, given) =>
      spans("update_memory", {
        store,
        recordId: id,
        run: () => memory.supersede(id, given),
        records: (row) => [row],
      }),
    remove: (id) =>
      spans("delete_memory", { store, recordId: id, run: () => memory.remove(id), records: () => 1 }),
    list: (query) =>
      spans("search_memory", {
        store,
        agentId: query?.agentId,
        run: () => memory.list(query),
        records: ({ items }) => items,
      }),
    recall: (query) =>
      spans("search_memory", {
        store,
        agentId: query?.agentId,
        run: () => memory.recall(query),
        records: () => undefined,
      }),
  };
}

/** The same knowledge, and a span each where the host has a tracer. */
export function tracedKnowledge(knowledge: Knowledge, options: SpanOptions): Knowledge {
  const spans = createSpans(options);
  const store = "loci.knowledge";
  return {
    ...knowledge,
    add: (given) =>
      spans("create_memory", {
        store,
        agentId: given.agentId,
        run: () => knowledge.add(given),
        records: (row) => [row],
      }),
    supersede: (id, given) =>
      spans("update_memory", {
        store,
        recordId: id,
        run: () => knowledge.supersede(id, given),
        records: (row) => [row],
      }),
    remove: (id) =>
      spans("delete_memory", { store, recordId: id, run: () => knowledge.remove(id), records: () => 1 }),
    search: (query, filter) =>
      spans("search_memory", {
        store,
        agentId: filter?.agentId,
        query,
        run: () => knowledge.search(query, filter),
        records: ({ items }) => items,
      }),
    recall: (query, filter) =>
      spans("search_memory", {
        store,
        agentId: filter?.agentId,
        query,
        run: () => knowledge.recall(query, filter),
        records: () => undefined,
      }),
  };
}
