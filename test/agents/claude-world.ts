import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { open } from "../../dist/index.js";
import { type Box, type Ended, jsonLines } from "../support/agents.ts";
import { root } from "../support/tools.ts";

// What the tests with the real Claude Code ask of a person's machine: see claude-code.agents.ts.
export const plugin: string = join(root, "plugins", "claude-code");
export const cli: string = join(root, "dist", "doors", "cli", "main.js");

export interface Result {
  readonly type: string;
  readonly session_id: string;
  readonly total_cost_usd: number;
  readonly modelUsage: Record<
    string,
    {
      inputTokens: number;
      outputTokens: number;
      cacheReadInputTokens: number;
      cacheCreationInputTokens: number;
    }
  >;
}

/** What the program itself says of the run, in the end. */
export function resultOf(ran: Ended): Result {
  expect(ran.code, ran.stderr + ran.stdout.slice(-2000)).toBe(0);
  const last = jsonLines(ran.stdout).findLast(({ type }) => type === "result");
  return last as unknown as Result;
}

export const store = (at: Box): string => join(at.home, ".loci", "loci.db");

/** Our own command line, as this person. */
export function loci(args: readonly string[], at: Box, env: Record<string, string> = {}): string {
  const own = { ...at.env, CLAUDE_CONFIG_DIR: at.claude, ...env };
  return execFileSync(process.execPath, [cli, ...args], { cwd: at.workspace, env: own, encoding: "utf8" });
}

/** The tokens of a session and its sub-agents, from the rows of the store. */
export async function tokensOf(id: string, at: Box): Promise<Record<string, number>> {
  await using opened = await open(store(at));
  const sessions = [
    id,
    ...(await opened.sessions.list({ parent: id, limit: 100 })).items.map((row) => row.id),
  ];
  const all = await Promise.all(sessions.map((one) => opened.sessions.get(one)));
  const sum = (pick: (row: NonNullable<(typeof all)[number]>) => number): number =>
    all.reduce((total, row) => total + (row === null ? 0 : pick(row)), 0);
  return {
    inputTokens: sum((row) => row.inputTokens),
    outputTokens: sum((row) => row.outputTokens),
    cacheReadInputTokens: sum((row) => row.cacheReadTokens),
    cacheCreationInputTokens: sum((row) => row.cacheWriteTokens),
  };
}

export function usageOf({ modelUsage }: Pick<Result, "modelUsage">): Record<string, number> {
  const total = { inputTokens: 0, outputTokens: 0, cacheReadInputTokens: 0, cacheCreationInputTokens: 0 };
  for (const usage of Object.values(modelUsage))
    for (const name of [
      "inputTokens",
      "outputTokens",
      "cacheReadInputTokens",
      "cacheCreationInputTokens",
    ] as const)
      total[name] += usage[name];
  return total;
}

/** The transcripts that stand on the disk, each with its bytes. */
export function transcripts(at: Box): Map<string, Buffer> {
  const folder = join(at.claude, "projects");
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".jsonl"),
  );
  return new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
}

/** Programs that were started by this run and still live. */
export function left(at: Box): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
        return environment.includes(`HOME=${at.home}\0`)
          ? [readFileSync(`/proc/${pid}/cmdline`, "utf8")]
          : [];
      } catch {
        return [];
      }
    });
}

/** Until what reads the last lines beside the program has ended, which it does by itself. */
export async function quiet(at: Box): Promise<void> {
  await expect.poll(() => left(at), { timeout: 30_000 }).toEqual([]);
}

/** The tool servers of the plugin that run for this person. */
export function serversOf(at: Box): number[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
      return /server\.sh|loci\.mjs\0mcp/.test(line) && environment.includes(`HOME=${at.home}\0`)
        ? [Number(pid)]
        : [];
    } catch {
      return [];
    }
  });
}
