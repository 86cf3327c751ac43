import { afterEach, expect, test, type TestContext } from "vitest";
import { type Loci, open } from "../../dist/index.js";
import { lanePackage } from "../support/agents.ts";

// What agents remember, in the spans of a program that has the real OpenTelemetry SDK.

interface Finished {
  readonly name: string;
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly status: { readonly code: number; readonly message?: string };
  readonly instrumentationScope: { readonly name: string };
  readonly parentSpanContext?: { readonly spanId: string; readonly traceId: string };
}

async function packages(context: TestContext) {
  const of = (name: string) => lanePackage(context, `@opentelemetry/${name}/build/src/index.js`);
  const [api, { AsyncLocalStorageContextManager }, sdk] = [
    await of("api"),
    await of("context-async-hooks"),
    await lanePackage(context, "@opentelemetry/sdk-trace-base/build/src/index-shim.js"),
  ];
  return { api, AsyncLocalStorageContextManager, sdk };
}

type Packages = Awaited<ReturnType<typeof packages>>;

let disable = (): void => undefined;
afterEach(() => disable());

/** Registers a provider, as a program does at its start. */
function register({ api, AsyncLocalStorageContextManager }: Packages, provider: unknown): void {
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  expect(api.trace.setGlobalTracerProvider(provider)).toBe(true);
  disable = () => {
    api.trace.disable();
    api.context.disable();
  };
}

/** What is remembered, found and refused. */
async function remembering(loci: Loci): Promise<unknown> {
  const first = await loci.memory.add({ agentId: "a1", decisionType: "choice", decisionData: "use SQLite" });
  await loci.memory.supersede(first.id, { decisionData: "use libSQL" });
  const { items } = await loci.memory.list({ agentId: "a1" });
  const entry = await loci.knowledge.add({ category: "db", topic: "WAL", content: "one writer" });
  const found = await loci.knowledge.search("writer");
  await loci.knowledge.remove(entry.id);
  const refused = await loci.knowledge.remove("nothing").catch((error: Error) => error.message);
  return [items.map((row) => row.decisionData), found.items.map(({ content }) => content), refused];
}

const operations = [
  ["create_memory", "loci.memory"],
  ["update_memory", "loci.memory"],
  ["search_memory", "loci.memory"],
  ["create_memory", "loci.knowledge"],
  ["search_memory", "loci.knowledge"],
  ["delete_memory", "loci.knowledge"],
  ["delete_memory", "loci.knowledge"],
];

test("each operation is a span below the host's own, with its kind, its attributes and its error", async (context) => {
  const lane = await packages(context);
  const { api, sdk } = lane;
  const exporter = new sdk.InMemorySpanExporter();
  register(lane, new sdk.BasicTracerProvider({ spanProcessors: [new sdk.SimpleSpanProcessor(exporter)] }));
  await using loci = await open("memory:");
  const tracer = api.trace.getTracer("host");
  const host = await tracer.startActiveSpan(
    "answer",
    async (span: { end(): void; spanContext(): object }) => {
      await remembering(loci);
      span.end();
      return span.spanContext();
    },
  );
  await loci.memory.list();
  const spans = exporter.getFinishedSpans() as Finished[];
  const [alone, answer, ...own] = [spans.at(-1), spans.at(-2), ...spans.slice(0, -2)];
  expect(answer?.name).toBe("answer");
  expect(alone?.parentSpanContext).toBeUndefined();
  expect(own.map(({ name, attributes }) => [name, attributes["gen_ai.memory.store.id"]])).toEqual(operations);
  for (const { name, kind, attributes, parentSpanContext, instrumentationScope } of own) {
    expect(kind).toBe(api.SpanKind.INTERNAL);
    expect(instrumentationScope.name).toBe("loci");
    expect(parentSpanContext).toMatchObject({ spanId: host.spanId, traceId: host.traceId });
    expect(attributes).toMatchObject({ "gen_ai.operation.name": name, "gen_ai.provider.name": "loci" });
  }
  expect(own[0]?.attributes).toMatchObject({ "gen_ai.agent.id": "a1", "gen_ai.memory.record.count": 1 });
  expect(own.slice(0, -1).every(({ status }) => status.code === api.SpanStatusCode.UNSET)).toBe(true);
  expect(own.at(-1)?.status).toMatchObject({
    code: api.SpanStatusCode.ERROR,
    message: expect.stringContaining("nothing") as string,
  });
  expect(own.at(-1)?.attributes["error.type"]).toBe("not-found");
  expect(JSON.stringify(own.map(({ attributes }) => attributes))).not.toMatch(/SQLite|libSQL|writer/);
});

test("a tracer that throws changes nothing", async (context) => {
  const lane = await packages(context);
  const no = (): never => {
    throw new Error("no span for you");
  };
  const rest = { forceFlush: async () => undefined, shutdown: async () => undefined };
  const quiet = { onStart: () => undefined, onEnd: () => undefined, ...rest };
  const withProcessor = (processor: object): unknown =>
    new lane.sdk.BasicTracerProvider({ spanProcessors: [{ ...quiet, ...processor }] });
  const providers = [
    { getTracer: no },
    new lane.sdk.BasicTracerProvider({ sampler: { shouldSample: no } }),
    withProcessor({ onStart: no }),
    withProcessor({ onEnd: no }),
    withProcessor({ onEnding: no }),
  ];
  await using plain = await open("memory:");
  const told = await remembering(plain);
  for (const provider of providers) {
    register(lane, provider);
    await using loci = await open("memory:");
    expect(await remembering(loci)).toEqual(told);
    disable();
  }
});
