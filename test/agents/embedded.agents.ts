import { expect, test } from "vitest";
import { aiSdkMiddleware, aiSdkTelemetry } from "../../dist/ai-sdk.js";
import { open } from "../../dist/index.js";
import { agentsSession, agentsTraceProcessor } from "../../dist/openai-agents.js";
import { lanePackage, model } from "../support/agents.ts";
import { askAgents, askAiSdk, weatherScript } from "../support/weather.mjs";

test("AI SDK 7: what its telemetry tells equals its own totals, in the conversation that the caller names", async (context) => {
  await using loci = await open("memory:");
  const recorder = loci.recorder();
  const telemetry = aiSdkTelemetry(recorder, { sessionId: "talk-1" });
  const run = await askAiSdk((path) => lanePackage(context, path), { telemetry });
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
  expect((session?.inputTokens ?? 0) + (session?.cacheReadTokens ?? 0)).toBe(run.input);
  expect(session?.outputTokens).toBe(run.output);
});

test("AI SDK 7: its middleware sees the calls, and the tools by what the model was told", async (context) => {
  await using loci = await open("memory:");
  const recorder = loci.recorder();
  const middleware = aiSdkMiddleware(recorder, { sessionId: "talk-2" });
  await askAiSdk((path) => lanePackage(context, path), { middleware });
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
  const llm = await model(weatherScript, {});
  try {
    await using loci = await open("memory:");
    const recorder = loci.recorder();
    const processor = agentsTraceProcessor(recorder, { messages: false });
    const session = agentsSession(loci, { sessionId: "group-1" });
    const attached = { groupId: "group-1", processor, session };
    const run = await askAgents((path) => lanePackage(context, path), llm.url, attached);
    expect(run.text).toBe("It is sunny.");
    await recorder.close();
    const stored = await loci.sessions.get("group-1");
    expect(stored).toMatchObject({
      agentType: "demo",
      status: "completed",
      toolCount: 1,
      cacheReadTokens: 4,
    });
    expect((stored?.inputTokens ?? 0) + (stored?.cacheReadTokens ?? 0)).toBe(run.input);
    expect(stored?.outputTokens).toBe(run.output);
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
