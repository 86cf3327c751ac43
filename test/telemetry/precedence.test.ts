import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Happening } from "../../dist/model/happening.js";
import { createParser } from "../../dist/record/sources/claude-code/parser.js";
import { root } from "../support/tools.ts";
import { type Sent, sent, type Told, told } from "./world.ts";

const sessionId = "692d5b87-8e15-4a16-9c9b-53298f57d8ea";

/** The transcript of the tool tour, in batches as an import has them. */
function transcript(): Happening[][] {
  const path = join(root, "test/fixtures/claude-code/claude-code-transcript-tools.jsonl");
  const lines = readFileSync(path, "utf8").trim().split("\n");
  const parser = createParser({ sessionId });
  const batches: Happening[][] = [];
  for (let at = 0; at < lines.length; at += 20) {
    const out: Happening[] = [];
    for (const line of lines.slice(at, at + 20)) parser.read(line, out);
    parser.flush(out);
    batches.push(out);
  }
  return batches;
}

/** What the same session sent over OTLP: the captured run is another one of the same script. */
function telemetry(): Sent[] {
  const text = JSON.stringify(sent("claude-code")).replaceAll(
    "639ee05c-3b86-4c2a-9fcc-467ead5952b0",
    sessionId,
  );
  return JSON.parse(text) as Sent[];
}

async function imported(store: Told): Promise<void> {
  for (const batch of transcript())
    await store.ingest.settle((await store.ingest.write(batch, { fresh: true })).sessions);
}

async function state(store: Told): Promise<object> {
  const session = (await store.sessions()).find(({ id }) => id === sessionId);
  const { source, title, messageCount, toolCount, errorCount, inputTokens, outputTokens, status } =
    session ?? {};
  return {
    session: { source, title, messageCount, toolCount, errorCount, inputTokens, outputTokens, status },
    said: (await store.said(sessionId)).map(
      ({ sequence, role, content }) => `${sequence} ${role} ${content}`,
    ),
  };
}

describe("a session that was imported and sent over OTLP", () => {
  test("is one session with its transcript's rows and tokens, whichever came first", async () => {
    const alone = await told();
    await imported(alone);
    const transcriptFirst = await told();
    await imported(transcriptFirst);
    await transcriptFirst.take(telemetry());
    const telemetryFirst = await told();
    await telemetryFirst.take(telemetry());
    expect((await telemetryFirst.sessions()).find(({ id }) => id === sessionId)?.source).toBe("otlp");
    await imported(telemetryFirst);
    const between = await told();
    await between.take(telemetry().slice(0, 5));
    await imported(between);
    await between.take(telemetry());
    const expected = await state(alone);
    expect(expected).toMatchObject({ session: { source: "claude-code", outputTokens: 340, toolCount: 6 } });
    for (const store of [transcriptFirst, telemetryFirst, between]) {
      expect(await state(store)).toEqual(expected);
      expect((await store.sessions()).filter(({ id }) => id.startsWith(sessionId))).toHaveLength(1);
    }
  });

  test("gets from telemetry how long its tools and its calls of the model took", async () => {
    for (const order of ["transcript first", "telemetry first"]) {
      const store = await told();
      if (order === "transcript first") await imported(store);
      await store.take(telemetry());
      if (order === "telemetry first") await imported(store);
      const tools = await store.tools(sessionId);
      expect(tools.map(({ toolName, durationMs }) => `${toolName} ${durationMs}`).sort(), order).toEqual([
        "Bash 15",
        "Bash 230",
        "Edit 15",
        "Read 26",
        "Read 43",
        "Write 13",
      ]);
      const calls = await store.calls(sessionId);
      expect(calls.length).toBeGreaterThan(3);
      expect(
        calls.filter(({ durationMs }) => durationMs === null),
        order,
      ).toEqual([]);
    }
  });

  test("keeps nothing of telemetry's rows, also where a recorder without a source comes after it", async () => {
    const store = await told();
    await store.take(telemetry());
    await store.ingest.write([
      { kind: "session", id: sessionId, agentType: "mine" },
      { kind: "message", id: "m", sessionId, role: "user", content: "hello" },
    ]);
    expect((await store.said(sessionId)).map(({ sequence, content }) => [sequence, content])).toEqual([
      [1, "hello"],
    ]);
    expect(await store.tools(sessionId)).toEqual([]);
    expect((await store.sessions()).find(({ id }) => id === sessionId)?.source).toBe("recorder");
  });
});
