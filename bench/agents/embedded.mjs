// The AI SDK and OpenAI Agents in this process, recorded and unrecorded in turn: a run of two answers and a tool, from a
// model that takes 200 ms for each.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { pathToFileURL } from "node:url";
import { aiSdkMiddleware, aiSdkTelemetry } from "../../dist/ai-sdk.js";
import { open } from "../../dist/index.js";
import { agentsSession, agentsTraceProcessor } from "../../dist/openai-agents.js";
import { startFakeLlm } from "../../test/support/fake-llm/lib/server.mjs";

const root = join(import.meta.dirname, "../..");
const agents = process.env.LOCI_TEST_AGENTS || join(root, "test/agents/node_modules");
const real = (path) => import(pathToFileURL(join(agents, path)).href);
const at = (list, share) => list.toSorted((a, b) => a - b)[Math.floor(list.length * share)];
const delayMs = 200;
const turns = [
  { text: "Checking.", tools: [{ tool: "weather", input: { city: "Oslo" } }] },
  { text: "It is sunny." },
].map((turn) => ({ ...turn, delayMs }));

export async function measure({ quick }) {
  const folder = mkdtempSync(join(tmpdir(), "loci-bench-embedded-"));
  const scenario = {
    name: "weather",
    conversations: [{ id: "weather", match: { prompt: "weather" }, turns }],
  };
  const llm = await startFakeLlm({ scenario, keep: false });
  const loci = await open(join(folder, "loci.db"));
  const recorder = loci.recorder({ warn: false });
  try {
    const result = {};
    for (const [name, sides] of Object.entries({
      "ai-sdk": await aiSdk(recorder),
      "openai-agents": await openaiAgents(recorder, loci, llm.url),
    })) {
      const times = Object.fromEntries(Object.keys(sides).map((side) => [side, []]));
      for (let round = -1; round < (quick ? 7 : 25); round++) {
        const order = Object.keys(sides);
        for (const side of order.map((_, at) => order[(at + round + order.length) % order.length])) {
          const from = performance.now();
          const text = await sides[side](`${name}-${side}-${round}`);
          if (text !== "It is sunny.") throw new Error(`${name}, ${side}: ${text}`);
          if (round >= 0) times[side].push(performance.now() - from);
        }
      }
      result[name] = Object.fromEntries(Object.entries(times).map(([side, list]) => [side, at(list, 0.5)]));
      const told = Object.entries(result[name]).map(([side, took]) => `${side} ${took.toFixed(1)} ms`);
      console.log(`  ${name.padEnd(24)} ${told.join(", ")} (p50)`);
    }
    const { noted, dropped, problem } = await recorder.flush();
    if (noted < 100 || dropped > 0 || problem)
      throw new Error(`${noted} noted, ${dropped} dropped: ${problem}`);
    return result;
  } finally {
    await recorder.close();
    await loci.close();
    await llm.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function aiSdk(recorder) {
  const ai = await real("ai/dist/index.js");
  const { MockLanguageModelV4 } = await real("ai/dist/test/index.js");
  const usage = {
    inputTokens: { total: 50, noCache: 50, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: 9, text: 9, reasoning: 0 },
  };
  const answers = turns.map(({ text, tools = [] }, turn) => ({
    content: [
      { type: "text", text },
      ...tools.map(({ tool, input }) => ({
        type: "tool-call",
        toolCallId: `call-${turn}`,
        toolName: tool,
        input: JSON.stringify(input),
      })),
    ],
    usage,
    finishReason: tools.length > 0 ? { unified: "tool-calls", raw: "x" } : { unified: "stop", raw: "x" },
    warnings: [],
  }));
  const weather = {
    inputSchema: ai.jsonSchema({ type: "object", properties: { city: { type: "string" } } }),
    execute: async () => "sunny",
  };
  const run = async (wrapped, more) => {
    let turn = 0;
    const doGenerate = async () => {
      await new Promise((answered) => setTimeout(answered, delayMs));
      return answers[turn++];
    };
    const model = wrapped(new MockLanguageModelV4({ doGenerate }));
    const asked = { model, prompt: "weather please", tools: { weather }, stopWhen: ai.stepCountIs(5) };
    return (await ai.generateText({ ...asked, ...more })).text;
  };
  return {
    plain: () => run((model) => model, {}),
    telemetry: (sessionId) => {
      const integrations = [aiSdkTelemetry(recorder, { sessionId })];
      return run((model) => model, { telemetry: { functionId: "bench", integrations } });
    },
    middleware: (sessionId) => {
      const middleware = aiSdkMiddleware(recorder, { sessionId });
      return run((model) => ai.wrapLanguageModel({ model, middleware }), {});
    },
  };
}

async function openaiAgents(recorder, loci, url) {
  process.env.OPENAI_API_KEY = "dummy";
  process.env.OPENAI_BASE_URL = `${url}/v1`;
  const sdk = await real("@openai/agents/dist/index.mjs");
  const parameters = {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  };
  const execute = async () => "sunny";
  const weather = sdk.tool({ name: "weather", description: "w", parameters, strict: true, execute });
  const agent = new sdk.Agent({ name: "bench", model: "fake-model", tools: [weather] });
  const run = async (processors, groupId, session) => {
    sdk.setTracingDisabled(processors.length === 0);
    sdk.setTraceProcessors(processors);
    const runner = new sdk.Runner({ groupId, tracingDisabled: processors.length === 0 });
    return (await runner.run(agent, "weather please", { session })).finalOutput;
  };
  return {
    plain: () => run([]),
    empty: () => run([nothing], "bench"),
    traced: (sessionId) => run([agentsTraceProcessor(recorder)], sessionId),
    "traced, with a session": (sessionId) =>
      run(
        [agentsTraceProcessor(recorder)],
        sessionId,
        agentsSession(loci, { sessionId: `${sessionId}-items` }),
      ),
  };
}

/** What tracing costs without us. */
const nothing = Object.fromEntries(
  ["onTraceStart", "onTraceEnd", "onSpanStart", "onSpanEnd", "forceFlush", "shutdown"].map((name) => [
    name,
    async () => undefined,
  ]),
);
