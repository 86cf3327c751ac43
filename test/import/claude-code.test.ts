import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { createPrices } from "../../dist/domains/prices.js";
import type { Happening } from "../../dist/model/happening.js";
import { createParser, type Parser } from "../../dist/record/sources/claude-code/parser.js";
import { hiddenCalls } from "../../dist/record/sources/claude-code/session.js";

const fixtures = fileURLToPath(new URL("../fixtures/claude-code/", import.meta.url));
const samples = fileURLToPath(new URL("../../samples/projects/-workspace-spotter/", import.meta.url));

interface Read {
  readonly parser: Parser;
  readonly happenings: Happening[];
}

function read(
  file: string,
  transcript: { sessionId: string; parentSessionId?: string; agentId?: string },
): Read {
  const parser = createParser(transcript);
  const happenings: Happening[] = [];
  const lines = readFileSync(file, "utf8").split("\n");
  if (lines.at(-1) === "") lines.pop();
  for (const line of lines) parser.read(line, happenings);
  parser.flush(happenings);
  return { parser, happenings };
}

type Kind<Name extends Happening["kind"]> = Extract<Happening, { kind: Name }>;

function rows<Name extends Happening["kind"]>(
  happenings: readonly Happening[],
  kind: Name,
): Array<Kind<Name>> {
  const byId = new Map<string, Kind<Name>>();
  for (const happening of happenings) {
    if (happening.kind !== kind) continue;
    const row = happening as Kind<Name>;
    const id = row.id ?? "";
    const known = byId.get(id);
    byId.set(id, kind === "message" && known !== undefined ? known : { ...known, ...row });
  }
  return [...byId.values()];
}

function usage(happenings: readonly Happening[]): Record<string, number> {
  const sum = { input: 0, output: 0, cacheWrite: 0, cacheRead: 0 };
  for (const call of rows(happenings, "modelCall")) {
    if (call.inherited === true) continue;
    sum.input += call.inputTokens ?? 0;
    sum.output += call.outputTokens ?? 0;
    sum.cacheWrite += call.cacheWriteTokens ?? 0;
    sum.cacheRead += call.cacheReadTokens ?? 0;
  }
  return sum;
}

function cost(happenings: readonly Happening[]): number {
  const prices = createPrices();
  let sum = 0;
  for (const call of rows(happenings, "modelCall")) {
    if (call.inherited === true) continue;
    sum += prices.costOf({
      model: call.model,
      inputTokens: call.inputTokens ?? 0,
      outputTokens: call.outputTokens ?? 0,
      cacheReadTokens: call.cacheReadTokens ?? 0,
      cacheWriteTokens: call.cacheWriteTokens ?? 0,
      metadata: call.metadata,
      startedAt: call.startedAt as number,
    }) as number;
  }
  return sum;
}

interface Truth {
  sessionIds: string[];
  lines: number;
  modelCalls: number;
  toolCalls: number;
  tokens: Record<string, number>;
}

const truth = JSON.parse(readFileSync(join(fixtures, "truth.json"), "utf8")) as Record<string, Truth>;

describe("real sessions have the counts that were made independently", () => {
  test.each(Object.keys(truth))("%s", (name) => {
    const expected = truth[name] as Truth;
    const { parser, happenings } = read(join(samples, name), { sessionId: expected.sessionIds[0] as string });
    expect(parser.state.lines).toBe(expected.lines);
    expect(parser.state.unreadable).toBe(0);
    expect(rows(happenings, "modelCall")).toHaveLength(expected.modelCalls);
    expect(rows(happenings, "toolExecution")).toHaveLength(expected.toolCalls);
    expect(usage(happenings)).toEqual(expected.tokens);
    expect(rows(happenings, "session")).toHaveLength(1);
  });
});

interface Usage {
  tokens: Record<string, number>;
  costUsd: number;
}

const told = JSON.parse(readFileSync(join(fixtures, "usage.json"), "utf8")) as Record<string, Usage>;

function family(name: string): { main: Read; children: Read[] } {
  const file = join(fixtures, `claude-code-transcript-${name}.jsonl`);
  const first = readFileSync(file, "utf8").match(/"sessionId":"([^"]+)"/)?.[1] as string;
  const folder = join(fixtures, `claude-code-transcript-${name}.subagents`);
  const agents = name.startsWith("subagent")
    ? readdirSync(folder).filter((entry) => entry.endsWith(".jsonl"))
    : [];
  return {
    main: read(file, { sessionId: first }),
    children: agents.map((agent) => {
      const agentId = agent.slice("agent-".length, -".jsonl".length);
      return read(join(folder, agent), { sessionId: `${first}/${agentId}`, parentSessionId: first, agentId });
    }),
  };
}

describe("a session with its sub-agents and hidden calls is what the program itself counted", () => {
  test.each(Object.keys(told))("%s", (name) => {
    const { main, children } = family(name);
    const states = children.map(({ parser }) => parser.state);
    const hidden = hiddenCalls(main.parser.state, states);
    const all = [...main.happenings, ...hidden, ...children.flatMap(({ happenings }) => happenings)];
    expect(usage(all)).toEqual(told[name]?.tokens);
    expect(cost(all)).toBeCloseTo(told[name]?.costUsd as number, 9);
  });
});

describe("what a person reads of a session", () => {
  test("its title is the first thing that was asked, its folder what the lines say", () => {
    const { happenings } = read(join(samples, "short.jsonl"), { sessionId: "s" });
    expect(rows(happenings, "session")[0]).toMatchObject({
      title: "mix phx.server doesnt seem to start",
      projectPath: "/home/marco/projects/spotter",
      gitBranch: "master",
      model: "claude-opus-4-6",
      provider: "anthropic",
      status: "interrupted",
      agentType: "claude-code",
    });
  });

  test("a failed, an interrupted and a limited session say so", () => {
    const status = (name: string) => {
      const [session] = rows(family(name).main.happenings, "session");
      return [session?.status, session?.errorMessage];
    };
    expect(status("api-error")).toEqual(["error", expect.stringContaining("500 Internal server error")]);
    expect(status("interrupt-stream")[0]).toBe("interrupted");
    expect(status("interrupt-tool")[0]).toBe("interrupted");
    expect(status("max-turns")).toEqual(["error", "The limit of turns was reached (2)."]);
    expect(status("tools")).toEqual(["completed", null]);
  });

  test("tools are paired, timed and marked as failed", () => {
    const tools = rows(family("tools").main.happenings, "toolExecution");
    expect(tools.map((tool) => [tool.toolName, tool.status])).toEqual([
      ["Bash", "completed"],
      ["Write", "completed"],
      ["Read", "completed"],
      ["Read", "error"],
      ["Bash", "error"],
      ["Edit", "completed"],
    ]);
    for (const tool of tools) expect(tool.endedAt as number).toBeGreaterThanOrEqual(tool.startedAt as number);
    expect(tools.every((tool) => (tool.status === "error") === (tool.error !== null))).toBe(true);
  });

  test("a fork's copied calls are listed as inherited", () => {
    const { happenings } = family("fork").main;
    expect(rows(happenings, "modelCall").map((call) => call.inherited)).toEqual([true, true, false]);
  });
});
