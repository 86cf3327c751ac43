import { expect, test, type TestContext } from "vitest";
import { aiSdkMiddleware, aiSdkTelemetry } from "../../dist/ai-sdk.js";
import { open } from "../../dist/index.js";
import { agentsSession, agentsTraceProcessor } from "../../dist/openai-agents.js";
import { lanePackage, model } from "../support/agents.ts";

const usage = (input: number, output: number, cacheRead = 0): object => ({
  inputTokens: { total: input, noCache: input - cacheRead, cacheRead, cacheWrite: 0 },
  outputTokens: { total: output, text: output, reasoning: 0 },
});

/** A model that asks for the weather, breaks a tool and ends. */
function turns(): object[] {
  const call = (id: string, name: string): object => ({
    type: "tool-call",
    toolCallId: id,
    toolName: name,
    input: '{"city":"Oslo"}',
  });
  return [
    {
      content: [{ type: "text", text: "Checking." }, call("c1", "weather")],
      usage: usage(54, 9, 4),
      finishReason: { unified: "tool-calls", raw: "tool_calls" },
      warnings: [],
    },
    {
      content: [call("c2", "broken")],
      usage: usage(96, 8),
      finishReason: { unified: "tool-calls", raw: "tool_calls" },
      warnings: [],
    },
    {
      content: [{ type: "text", text: "It is sunny." }],
      usage: usage(70, 4),
      finishReason: { unified: "stop", raw: "stop" },
      warnings: [],
    },
  ];
}

interface Run {
  readonly text: string;
  readonly totalUsage: { readonly inputTokens: number; readonly outputTokens: number };
}

async function weather(
  context: TestContext,
  given: { telemetry?: object; middleware?: object },
): Promise<Run> {
  const ai = await lanePackage(context, "ai/dist/index.js");
  const { MockLanguageModelV4 } = await lanePackage(context, "ai/dist/test/index.js");
  const answers = turns();
  const mock = new MockLanguageModelV4({ doGenerate: async () => answers.shift() });
  const schema = ai.jsonSchema({ type: "object", properties: { city: { type: "string" } } });
  const result = await ai.generateText({
    model:
      given.middleware === undefined
        ? mock
        : ai.wrapLanguageModel({ model: mock, middleware: given.middleware }),
    prompt: "weather please",
    tools: {
      weather: { inputSchema: schema, execute: async () => ({ temp: 21 }) },
      broken: {
        inputSchema: schema,
        execute: async () => {
          throw new Error("tool broke");
        },
      },
    },
    stopWhen: ai.stepCountIs(5),
    ...(given.telemetry === undefined
      ? {}
      : { telemetry: { functionId: "demo", integrations: [given.telemetry] } }),
  });
  return {
    text: result.text,
    totalUsage: result.totalUsage ?? result.usage,
  };
}

test("AI SDK 7: what its telemetry tells equals its own totals, in the conversation that the caller names", async (context) => {
  await using loci = await open("memory:");
  const recorder = loci.recorder();
  const run = await weather(context, { telemetry: aiSdkTelemetry(recorder, { sessionId: "talk-1" }) });
  expect(run.text).toBe("It is sunny.");
  await recorder.close();
  const session = await loci.sessions.get("talk-1");
  expect(session).toMatchObject({
    status: "completed",
    agentType: "demo",
    messageCount: 3,
    toolCount: 2,
    errorCount: 1,
  });
  expect((session?.inputTokens ?? 0) + (session?.cacheReadTokens ?? 0)).toBe(run.totalUsage.inputTokens);
  expect(session?.outputTokens).toBe(run.totalUsage.outputTokens);
});

test("AI SDK 7: its middleware sees the calls, and the tools by what the model was told", async (context) => {
  await using loci = await open("memory:");
  const recorder = loci.recorder();
  await weather(context, { middleware: aiSdkMiddleware(recorder, { sessionId: "talk-2" }) });
  await recorder.close();
  expect(await loci.sessions.get("talk-2")).toMatchObject({
    status: "completed",
    messageCount: 3,
    toolCount: 2,
    errorCount: 1,
    inputTokens: 216,
    cacheReadTokens: 4,
    outputTokens: 21,
  });
});

test("OpenAI Agents: its traces equal its own totals, and its Session stands in the store", async (context) => {
  const scenario = {
    conversations: [
      {
        id: "weather",
        match: { prompt: "weather" },
        turns: [
          {
            text: "Checking.",
            tools: [{ tool: "weather", input: { city: "Oslo" } }],
            usage: { input: 50, output: 9, cacheRead: 4 },
          },
          { text: "It is sunny.", usage: { input: 70, output: 4 } },
        ],
      },
    ],
    fallback: { text: "OK." },
  };
  const llm = await model(scenario as never, {});
  process.env["OPENAI_API_KEY"] = "dummy";
  process.env["OPENAI_BASE_URL"] = `${llm.url}/v1`;
  try {
    const sdk = await lanePackage(context, "@openai/agents/dist/index.mjs");
    await using loci = await open("memory:");
    const recorder = loci.recorder();
    // Off where NODE_ENV is test.
    sdk.setTracingDisabled(false);
    sdk.setTraceProcessors([agentsTraceProcessor(recorder, { messages: false })]);
    const session = agentsSession(loci, { sessionId: "group-1" });
    const weatherTool = sdk.tool({
      name: "weather",
      description: "w",
      parameters: {
        type: "object",
        properties: { city: { type: "string" } },
        required: ["city"],
        additionalProperties: false,
      },
      strict: true,
      execute: async () => "sunny in Oslo",
    });
    const agent = new sdk.Agent({ name: "demo", model: "fake-model", tools: [weatherTool] });
    const runner = new sdk.Runner({ groupId: "group-1", tracingDisabled: false });
    const result = await runner.run(agent, "weather please", { session });
    expect(result.finalOutput).toBe("It is sunny.");
    await sdk.getGlobalTraceProvider().forceFlush();
    await recorder.close();
    const stored = await loci.sessions.get("group-1");
    expect(stored).toMatchObject({
      agentType: "demo",
      status: "completed",
      toolCount: 1,
      inputTokens: 120,
      cacheReadTokens: 4,
      outputTokens: 13,
    });
    const items = (await session.getItems()) as Array<{ type?: string; role?: string }>;
    expect(items.map(({ type, role }) => role ?? type)).toEqual([
      "user",
      "assistant",
      "function_call",
      "function_call_result",
      "assistant",
    ]);
    expect(await session.getItems(1)).toEqual(items.slice(-1));
    expect(await session.popItem()).toEqual(items.at(-1));
    expect(await session.getItems()).toEqual(items.slice(0, -1));
    await session.clearSession();
    expect(await session.getItems()).toEqual([]);
  } finally {
    await llm.close();
  }
});
