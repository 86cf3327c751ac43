// A program with the AI SDK or OpenAI Agents that is recorded, run after run, until it is killed: says in a file what the
// recorder took in. With `harm`, it says instead what its only run came to, and how long it took.
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { aiSdkMiddleware, aiSdkTelemetry } from "../../dist/ai-sdk.js";
import { createRecorder, open } from "../../dist/index.js";
import { agentsSession, agentsTraceProcessor } from "../../dist/openai-agents.js";

const { agents, kind, harm, db, spool, ack, url } = JSON.parse(process.argv[2]);
const real = (path) => import(pathToFileURL(join(agents, path)).href);
const usage = (input, output) => ({
  inputTokens: { total: input, noCache: input, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: output, text: output, reasoning: 0 },
});

async function withAiSdk(recorder, sessionId) {
  const ai = await real("ai/dist/index.js");
  const { MockLanguageModelV4 } = await real("ai/dist/test/index.js");
  const turn = (content, reason) => ({
    content,
    usage: usage(50, 9),
    finishReason: { unified: reason, raw: reason },
    warnings: [],
  });
  const call = { type: "tool-call", toolCallId: "c1", toolName: "weather", input: '{"city":"Oslo"}' };
  const turns = [
    turn([{ type: "text", text: "Checking." }, call], "tool-calls"),
    turn([{ type: "text", text: "It is sunny." }], "stop"),
  ];
  const mock = new MockLanguageModelV4({ doGenerate: async () => turns.shift() });
  const middleware = recorder && kind === "middleware" && aiSdkMiddleware(recorder, { sessionId });
  const result = await ai.generateText({
    model: middleware ? ai.wrapLanguageModel({ model: mock, middleware }) : mock,
    prompt: "weather please",
    tools: {
      weather: {
        inputSchema: ai.jsonSchema({ type: "object", properties: { city: { type: "string" } } }),
        execute: async () => "sunny",
      },
    },
    stopWhen: ai.stepCountIs(5),
    ...(recorder && kind === "telemetry"
      ? { telemetry: { functionId: "demo", integrations: [aiSdkTelemetry(recorder, { sessionId })] } }
      : {}),
  });
  return { text: result.text, tokens: (result.totalUsage ?? result.usage).totalTokens };
}

async function withAgents(recorder, sessionId, loci) {
  process.env.OPENAI_API_KEY = "dummy";
  process.env.OPENAI_BASE_URL = `${url}/v1`;
  const sdk = await real("@openai/agents/dist/index.mjs");
  sdk.setTracingDisabled(recorder === undefined);
  sdk.setTraceProcessors(recorder ? [agentsTraceProcessor(recorder)] : []);
  const weather = sdk.tool({
    name: "weather",
    description: "w",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    },
    strict: true,
    execute: async () => "sunny",
  });
  const agent = new sdk.Agent({ name: "demo", model: "fake-model", tools: [weather] });
  const runner = new sdk.Runner({ groupId: sessionId, tracingDisabled: recorder === undefined });
  const session = loci && agentsSession(loci, { sessionId: `${sessionId}-items` });
  const result = await runner.run(agent, "weather please", session ? { session } : {});
  await sdk.getGlobalTraceProvider().forceFlush();
  return {
    text: result.finalOutput,
    tokens: result.rawResponses.reduce((all, one) => all + one.usage.totalTokens, 0),
  };
}

const run = kind === "agents" ? withAgents : withAiSdk;
if (harm !== undefined) {
  const never = () => new Promise(() => undefined);
  const loci = await open("memory:");
  const store = {
    engine: loci.engine,
    ingest: { write: never, settle: never },
    durable: never,
    current: () => true,
    close: async () => undefined,
  };
  const recorder = {
    none: () => undefined,
    throws: () => ({
      record() {
        throw new Error("no");
      },
    }),
    hangs: () => createRecorder({ spool, store, warn: false }),
  }[harm]();
  // What is loaded once is not the recorder's.
  await run(undefined, "warm");
  const took = [];
  let said;
  for (let at = 0; at < 5; at++) {
    const began = performance.now();
    said = await run(recorder, `run-${at}`);
    took.push(performance.now() - began);
  }
  process.stdout.write(JSON.stringify({ said, took: Math.min(...took), noted: recorder?.tally?.noted ?? 0 }));
  process.exit(0);
}
const loci = await open(db);
const own = loci.recorder({ warn: false });
const recorder = {
  record(happening) {
    const id = own.record(happening);
    if (id !== undefined) appendFileSync(ack, `${JSON.stringify({ kind: happening.kind, id })}\n`);
    return id;
  },
};
for (let at = 0; ; at++) {
  await run(recorder, `${process.pid}-${at}`, kind === "agents" ? loci : undefined);
  process.send?.(at);
}
