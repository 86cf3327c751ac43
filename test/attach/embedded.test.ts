import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { aiSdkTelemetry } from "../../dist/ai-sdk.js";
import { open } from "../../dist/index.js";
import { agentsSession, agentsTraceProcessor } from "../../dist/openai-agents.js";
import { onEachBackend } from "../domains/backends.ts";
import { createIngest } from "../../dist/domains/ingest.js";
import { root } from "../support/tools.ts";

const lines = readFileSync(join(root, "test/fixtures/embedded/ai-sdk-telemetry.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as { k: string; e: { totalUsage?: { inputTokens: number } } });

function replay(telemetry: ReturnType<typeof aiSdkTelemetry>): void {
  for (const { k, e } of lines) {
    const callback: unknown = Reflect.get(telemetry, k);
    if (typeof callback === "function") callback(e);
  }
}

test("the AI SDK's callbacks become sessions with its own totals, tools and errors", async () => {
  await using loci = await open("memory:");
  const recorder = loci.recorder();
  replay(aiSdkTelemetry(recorder));
  await recorder.close();
  const { items } = await loci.sessions.list({});
  const own = lines.filter(({ k }) => k === "onEnd").map(({ e }) => e.totalUsage?.inputTokens);
  expect(own).toEqual([220, 220]);
  expect(
    items
      .map((one) => [
        one.status,
        one.title,
        one.inputTokens + one.cacheReadTokens,
        one.outputTokens,
        one.toolCount,
        one.errorMessage,
      ])
      .sort((one, other) => (String(one) < String(other) ? -1 : 1)),
  ).toEqual([
    ["completed", "weather please", 220, 21, 2, null],
    ["completed", "weather stream", 220, 21, 2, null],
    ["error", "fail", 0, 0, 0, "boom"],
  ]);
});

test("callbacks never throw: hostile events, and recorders that do", () => {
  const throwing = aiSdkTelemetry({
    record: () => {
      throw new Error("no");
    },
  });
  replay(throwing);
  const trap = new Proxy(
    {},
    {
      get: () => {
        throw new Error("trap");
      },
    },
  );
  for (const recording of [throwing, aiSdkTelemetry({ record: () => "id" })])
    for (const callback of Object.values(recording) as Array<(event: unknown) => void>)
      for (const event of [undefined, null, 7, trap, { callId: trap }]) callback(event);
  const processor = agentsTraceProcessor({ record: () => "id" });
  for (const event of [trap, { traceId: 7 }, { spanData: trap }]) {
    void processor.onTraceStart(event);
    void processor.onSpanStart(event);
    void processor.onSpanEnd(event);
    void processor.onTraceEnd(event);
  }
});

await onEachBackend("a session of OpenAI Agents", ({ it, engine, now }) => {
  it("keeps its items in order, answers what was just added, and takes the last away", async () => {
    const ingest = createIngest(engine(), { now, costOf: () => null });
    const store = {
      engine: engine(),
      add: async (happenings: Parameters<typeof ingest.write>[0]) => void (await ingest.write(happenings)),
    };
    const session = agentsSession<{ role: string; content: string; n?: number }>(store, { sessionId: "s" });
    await Promise.all(
      [1, 2, 3].map((n) =>
        session.addItems([
          { role: "user", content: `q${n}`, n },
          { role: "assistant", content: `a${n}` },
        ]),
      ),
    );
    const said = (await session.getItems()).map(({ content }) => content);
    expect(said).toEqual(["q1", "a1", "q2", "a2", "q3", "a3"]);
    expect(await session.getItems(2)).toEqual([
      { role: "user", content: "q3", n: 3 },
      { role: "assistant", content: "a3" },
    ]);
    expect(await session.popItem()).toEqual({ role: "assistant", content: "a3" });
    await session.addItems([{ role: "assistant", content: "again" }]);
    expect(
      (await agentsSession<{ content: string }>(store, { sessionId: "s" }).getItems(1)).at(0)?.content,
    ).toBe("again");
    await session.clearSession();
    expect([await session.getItems(), await session.popItem(), await session.getSessionId()]).toEqual([
      [],
      undefined,
      "s",
    ]);
  });
});
