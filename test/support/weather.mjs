// Programs that ask for the weather, by the AI SDK and by OpenAI Agents: what is tested is what is attached to them.

/** What the scripted model answers OpenAI Agents. */
export const weatherScript = {
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

const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};

const usage = (input, output, cacheRead = 0) => ({
  inputTokens: { total: input, noCache: input - cacheRead, cacheRead, cacheWrite: 0 },
  outputTokens: { total: output, text: output, reasoning: 0 },
});

const turn = (content, tokens, reason) => ({
  content,
  usage: tokens,
  finishReason: { unified: reason, raw: reason },
  warnings: [],
});

/** A model that asks for the weather, breaks a tool and ends. */
function turns() {
  const call = (toolCallId, toolName) => ({
    ...{ type: "tool-call", toolCallId, toolName },
    input: '{"city":"Oslo"}',
  });
  const text = (said) => ({ type: "text", text: said });
  return [
    turn([text("Checking."), call("c1", "weather")], usage(54, 9, 4), "tool-calls"),
    turn([call("c2", "broken")], usage(96, 8), "tool-calls"),
    turn([text("It is sunny.")], usage(70, 4), "stop"),
  ];
}

/** By the AI SDK, with its own model for tests. `load` imports a module of the lane's packages; an answer takes `delayMs`. */
export async function askAiSdk(load, { telemetry, middleware, delayMs = 0 } = {}) {
  const ai = await load("ai/dist/index.js");
  const { MockLanguageModelV4 } = await load("ai/dist/test/index.js");
  const answers = turns();
  const doGenerate = async () => {
    if (delayMs > 0) await new Promise((answered) => setTimeout(answered, delayMs));
    return answers.shift();
  };
  const mock = new MockLanguageModelV4({ doGenerate });
  const inputSchema = ai.jsonSchema(parameters);
  const broken = async () => {
    throw new Error("tool broke");
  };
  const result = await ai.generateText({
    model: middleware === undefined ? mock : ai.wrapLanguageModel({ model: mock, middleware }),
    prompt: "weather please",
    tools: {
      weather: { inputSchema, execute: async () => ({ temp: 21 }) },
      broken: { inputSchema, execute: broken },
    },
    stopWhen: ai.stepCountIs(5),
    ...(telemetry === undefined ? {} : { telemetry: { functionId: "demo", integrations: [telemetry] } }),
  });
  const { inputTokens, outputTokens } = result.totalUsage ?? result.usage;
  return { text: result.text, input: inputTokens, output: outputTokens };
}

/** By OpenAI Agents, from the scripted model at this address. Without a processor nothing is traced. */
export async function askAgents(load, url, { groupId, processor, session } = {}) {
  process.env.OPENAI_API_KEY = "dummy";
  process.env.OPENAI_BASE_URL = `${url}/v1`;
  const sdk = await load("@openai/agents/dist/index.mjs");
  const tracingDisabled = processor === undefined;
  // Off where NODE_ENV is test.
  sdk.setTracingDisabled(tracingDisabled);
  sdk.setTraceProcessors(tracingDisabled ? [] : [processor]);
  const execute = async () => "sunny in Oslo";
  const weather = sdk.tool({ name: "weather", description: "w", parameters, strict: true, execute });
  const agent = new sdk.Agent({ name: "demo", model: "fake-model", tools: [weather] });
  const runner = new sdk.Runner({ groupId, tracingDisabled });
  const result = await runner.run(agent, "weather please", session === undefined ? {} : { session });
  await sdk.getGlobalTraceProvider().forceFlush();
  const sum = (name) => result.rawResponses.reduce((all, one) => all + one.usage[name], 0);
  return { text: result.finalOutput, input: sum("inputTokens"), output: sum("outputTokens") };
}
