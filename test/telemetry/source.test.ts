import { describe, expect, test } from "vitest";
import { declarationTable, telemetryDeclarations } from "../../dist/record/sources/declared.js";
import { readMessage } from "../../dist/record/sources/otlp/wire.js";
import { requests } from "../../dist/record/sources/otlp/messages.js";
import { readTelemetry } from "../../dist/record/sources/otlp/otlp.js";
import { read } from "../support/tools.ts";
import { encoded } from "./encode.ts";
import { aiSdkSpans, type Kind, type Sent, sent, type Told, told } from "./world.ts";

type Counts = Record<"inputTokens" | "outputTokens" | "cacheReadTokens" | "cacheWriteTokens", number>;

async function totals(store: Told): Promise<Counts> {
  const sum: Counts = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 };
  for (const session of await store.sessions())
    for (const name of Object.keys(sum) as Array<keyof Counts>) sum[name] += session[name];
  return sum;
}

/** The sum of a metric's points, by one of their attributes. */
function metric(from: readonly Sent[], name: string, by: string): Record<string, number> {
  const sums: Record<string, number> = {};
  const text = JSON.stringify(from.filter(({ kind }) => kind === "metrics").map(({ body }) => body));
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const { name: own, sum } = value as {
      name?: string;
      sum?: { dataPoints: Array<Record<string, unknown>> };
    };
    if (own === name)
      for (const point of sum?.dataPoints ?? []) {
        const attributes = point["attributes"] as Array<{ key: string; value: { stringValue: string } }>;
        const key = attributes.find((one) => one.key === by)?.value.stringValue ?? "";
        sums[key] = (sums[key] ?? 0) + Number(point["asDouble"] ?? point["asInt"]);
      }
    Object.values(value).forEach(walk);
  };
  walk(JSON.parse(text));
  return sums;
}

describe("Claude Code's telemetry", () => {
  test("has the tokens and the cost of its own metrics, to the token", async () => {
    const store = await told();
    await store.take(sent("claude-code"));
    const own = metric(sent("claude-code"), "claude_code.token.usage", "type");
    expect(own).toEqual({ input: 7183, output: 523, cacheRead: 13500, cacheCreation: 3400 });
    expect(await totals(store)).toEqual({
      inputTokens: own["input"],
      outputTokens: own["output"],
      cacheReadTokens: own["cacheRead"],
      cacheWriteTokens: own["cacheCreation"],
    });
    const cost = metric(sent("claude-code"), "claude_code.cost.usage", "model")["claude-opus-5-5"] ?? 0;
    const stored = (await store.sessions()).reduce((sum, { costUsd }) => sum + costUsd, 0);
    expect(stored).toBeCloseTo(cost, 9);
  });

  test("becomes four sessions and a child, with prompts, answers, tools as long as they ran, and errors", async () => {
    const store = await told();
    expect(await store.take(sent("claude-code"))).toEqual({ unrelated: 0, rejected: 0 });
    const all = await store.sessions();
    const tour = all.find(({ title }) => title === "run the tool tour please");
    expect(all.map(({ agentType, status }) => `${agentType} ${status}`)).toEqual([
      "claude-code completed",
      "claude-code completed",
      "general-purpose completed",
      "claude-code error",
      "claude-code completed",
    ]);
    expect(all.find(({ agentType }) => agentType === "general-purpose")?.parentSessionId).toBe(
      all.find(({ title }) => title === "wait for a subagent please")?.id,
    );
    expect(all.find(({ status }) => status === "error")?.errorMessage).toBe("Internal server error");
    expect((await store.said(tour?.id ?? "")).map(({ role, content }) => `${role}: ${content}`)).toEqual([
      "user: run the tool tour please",
      "assistant: Let me look around.",
      "assistant: Writing and reading a file.",
      "assistant: Now two calls that fail.",
      "assistant: All done: wrote notes.txt, two calls failed as planned.",
    ]);
    const tools = await store.tools(tour?.id ?? "");
    expect(
      tools.map(({ toolName, status, durationMs }) => `${toolName} ${status} ${durationMs}`).sort(),
    ).toEqual([
      "Bash completed 230",
      "Bash error 15",
      "Edit completed 15",
      "Read completed 26",
      "Read error 43",
      "Write completed 13",
    ]);
    expect(tools.find(({ durationMs }) => durationMs === 230)).toMatchObject({
      input: { command: "echo hello-from-bash; ls", description: "List files" },
      output: "hello-from-bash\nREADME.md",
    });
  });

  test("without the content that it was not told to export has everything else", async () => {
    const store = await told();
    const text = JSON.stringify(sent("claude-code"))
      .replaceAll('"run the tool tour please"', '"<REDACTED>"')
      .replaceAll('"Let me look around."', '"<REDACTED>"');
    await store.take(JSON.parse(text) as Sent[]);
    const [tour] = await store.sessions();
    expect(tour).toMatchObject({ title: null, outputTokens: 340 });
    expect((await store.said(tour?.id ?? "")).slice(0, 2).map(({ content }) => content)).toEqual([
      null,
      null,
    ]);
  });
});

test("Codex's telemetry has its tokens once, what failed, and the prompt", async () => {
  const store = await told();
  await store.take(sent("codex"));
  const [session] = await store.sessions();
  // 1200 + 5323 + 1200 in, of which 200 from the cache; 50 + 13 + 10 out: what its response.completed events say.
  expect(session).toMatchObject({
    agentType: "codex",
    title: "run the tool tour please",
    inputTokens: 7523,
    cacheReadTokens: 200,
    outputTokens: 73,
  });
  const tools = await store.tools(session?.id ?? "");
  expect(tools.map(({ toolName, status, durationMs }) => [toolName, status, durationMs])).toEqual([
    ["exec_command", "completed", 114],
    ["exec_command", "error", 73],
  ]);
});

test("Gemini's telemetry has the totals that it printed itself, and nothing twice by its second names", async () => {
  const store = await told();
  await store.take(sent("gemini"));
  const [session, ...more] = await store.sessions();
  expect(more).toEqual([]);
  // `gemini --output-format stream-json` said: input 14,280, cached 200, output 108, total 14,591 (3 were thought).
  expect(session).toMatchObject({ inputTokens: 14_280, cacheReadTokens: 200, outputTokens: 111 });
  expect((await store.said(session?.id ?? "")).map(({ role, content }) => `${role}: ${content}`)).toEqual([
    "user: run the tool tour please",
    "assistant: Let me look.",
    "assistant: All done.",
  ]);
  expect((await store.tools(session?.id ?? "")).map(({ toolName, status }) => [toolName, status])).toEqual([
    ["run_shell_command", "completed"],
    ["write_file", "completed"],
    ["read_file", "error"],
  ]);
});

test("OpenCode's ai.* spans have every call once, the one for the title too, and commands that failed", async () => {
  const store = await told();
  await store.take(sent("opencode"));
  const [session, ...more] = await store.sessions();
  expect(more).toEqual([]);
  // 570 of the title's call, 1200, 1400, 2712, 2882 and 2600 in, 3000 of them from the cache; 8 + 80 + 120 + 56 + 32 + 20.
  expect(session).toMatchObject({ inputTokens: 8_364, cacheReadTokens: 3_000, outputTokens: 316 });
  const tools = await store.tools(session?.id ?? "");
  expect(tools.map(({ toolName, status }) => `${toolName} ${status}`).sort()).toEqual([
    "bash completed",
    "bash error",
    "edit completed",
    "read completed",
    "read error",
    "write completed",
  ]);
  const said = await store.said(session?.id ?? "");
  expect(said.map(({ content }) => content)).toContain("I will look around first.");
  expect(said.map(({ content }) => content)).not.toContain("Fake session title");
});

test("the AI SDK's GenAI spans have each call once, as the spans around them sum it up, and each message once", async () => {
  const store = await told();
  await store.take([aiSdkSpans()]);
  const all = await store.sessions();
  expect(all.map(({ id }) => id.slice(0, 6))).toEqual(["trace-", "trace-", "trace-"]);
  // Each `invoke_agent` says: 220 in, 4 of them from the cache, 21 out; the third run failed.
  expect(
    all.map(({ status, inputTokens, cacheReadTokens, outputTokens }) => [
      status,
      inputTokens,
      cacheReadTokens,
      outputTokens,
    ]),
  ).toEqual([
    ["completed", 216, 4, 21],
    ["completed", 216, 4, 21],
    ["error", 0, 0, 0],
  ]);
  const said = await store.said(all[0]?.id ?? "");
  expect(said.map(({ role, content }) => `${role}: ${content}`)).toEqual([
    "user: weather please",
    "assistant: Checking.",
    "assistant: It is sunny.",
  ]);
  const tools = await store.tools(all[0]?.id ?? "");
  expect(tools.map(({ toolName, status, error }) => [toolName, status, error])).toEqual([
    ["weather", "completed", null],
    ["broken", "error", "tool broke"],
  ]);
});

describe("whatever the source", () => {
  const names = ["claude-code", "codex", "gemini", "opencode"];

  test("the same requests again change nothing, in any order", async () => {
    for (const name of names) {
      const once = await told();
      await once.take(sent(name));
      const again = await told();
      await again.take([...sent(name), ...sent(name)]);
      await again.take([...sent(name)].reverse());
      const seen = (store: Told): Promise<unknown> =>
        store.sessions().then((all) =>
          all.map(({ messageCount, toolCount, outputTokens, inputTokens, title }) => ({
            messageCount,
            toolCount,
            outputTokens,
            inputTokens,
            title,
          })),
        );
      expect(await seen(again), name).toEqual(await seen(once));
    }
  });

  test("protobuf is read as JSON is", () => {
    let compared = 0;
    for (const name of names) {
      for (const request of sent(name)) {
        const read = readMessage(encoded(request), requests[request.kind]);
        // The raw record is another one.
        const [proto, json] = [read, request.body].map((body) =>
          readTelemetry(request.kind, body, 0).happenings.filter(({ kind }) => kind !== "rawEvent"),
        );
        expect(proto).toEqual(json);
        compared += json?.length ?? 0;
      }
    }
    expect(compared).toBeGreaterThan(100);
  });

  test("every record is kept raw, once, with all its attributes", () => {
    const names = new Set<string>();
    let records = 0;
    for (const { kind, body } of [...sent("claude-code"), ...sent("claude-code")]) {
      for (const happening of readTelemetry(kind, body, 0).happenings) {
        if (happening.kind !== "rawEvent") continue;
        names.add(happening.uuid ?? "");
        records++;
      }
      if (kind === "logs") expect(JSON.stringify(readTelemetry(kind, body, 0))).toContain("terminal.type");
    }
    expect(records).toBe(2 * names.size);
    expect(names.size).toBeGreaterThan(100);
  });

  test("what tells of no agent is counted and not kept, and what is no record is rejected", () => {
    const span = {
      traceId: "a".repeat(32),
      spanId: "b".repeat(16),
      name: "GET /",
      startTimeUnixNano: "1795202874258000000",
    };
    const request = (kind: Kind, records: readonly unknown[]): object => ({
      [kind === "traces" ? "resourceSpans" : "resourceLogs"]: [
        {
          [kind === "traces" ? "scopeSpans" : "scopeLogs"]: [
            { [kind === "traces" ? "spans" : "logRecords"]: records },
          ],
        },
      ],
    });
    const read = readTelemetry("traces", request("traces", [span, { name: "no ids" }, 7, null]) as never, 0);
    expect(read).toEqual({ happenings: [], unrelated: 1, rejected: 3 });
  });
});

test("the table of who sends what is the one that the code declares", () => {
  expect(read("docs/opentelemetry.md")).toContain(declarationTable(telemetryDeclarations));
  expect(telemetryDeclarations.length).toBeGreaterThan(4);
});
