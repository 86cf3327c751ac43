import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Loci, open } from "../../dist/index.js";
import { messages } from "../../dist/model/message.js";
import { modelCalls } from "../../dist/model/model-call.js";
import { sessions } from "../../dist/model/session.js";
import { toolExecutions } from "../../dist/model/tool-execution.js";
import { box, codexEnv, geminiEnv, jsonLines, model, program, started } from "../support/agents.ts";

const tour = "run the tool tour please";

/** Looks at the store while the program runs: how often there was something of it. */
function watch(loci: Loci): { readonly seen: () => number; readonly end: () => Promise<void> } {
  let ended = false;
  let seen = 0;
  const looking = (async (): Promise<void> => {
    while (!ended) {
      seen += (await loci.engine.find(messages, { limit: 1 })).length;
      await new Promise((done) => setTimeout(done, 20));
    }
  })();
  return {
    seen: () => seen,
    async end() {
      ended = true;
      await looking;
    },
  };
}

async function rows(loci: Loci): Promise<unknown> {
  return {
    sessions: await loci.engine.find(sessions),
    messages: await loci.engine.find(messages),
    tools: await loci.engine.find(toolExecutions),
    calls: await loci.engine.find(modelCalls),
  };
}

test("Codex is followed while it runs: its tokens are its own, and an import afterwards finds nothing new", async (context) => {
  const codex = program(context, "codex");
  using here = box();
  const llm = await model("codex-tools", { CWD: here.workspace });
  const env = codexEnv(here, llm);
  await using loci = await open(join(here.folder, "loci.db"));
  const following = await loci.follow({ env, sources: ["codex"] });
  const watched = watch(loci);
  try {
    const args = ["exec", "--skip-git-repo-check", "--json", tour];
    const ran = await started(codex, args, { cwd: here.workspace, env }).ended;
    expect(ran.code, ran.stderr).toBe(0);
    // Already while it ran.
    expect(watched.seen()).toBeGreaterThan(0);
    await following.settled();
    const told = jsonLines(ran.stdout).find(({ type }) => type === "turn.completed")?.["usage"];
    const usage = told as { input_tokens: number; cached_input_tokens: number; output_tokens: number };
    const [session] = await loci.engine.find(sessions);
    expect(session).toMatchObject({ source: "codex", toolCount: 3, status: "completed" });
    if (session === undefined) throw new Error("There is no session.");
    const { inputTokens, cacheReadTokens, outputTokens } = session;
    expect([inputTokens + cacheReadTokens, cacheReadTokens, outputTokens]).toEqual([
      usage.input_tokens,
      usage.cached_input_tokens,
      usage.output_tokens,
    ]);
    const before = await rows(loci);
    await loci.import([join(here.home, ".codex", "sessions")]);
    expect(await rows(loci)).toEqual(before);
  } finally {
    await watched.end();
    await following.close();
    await llm.close();
  }
});

test("Gemini CLI is followed while it runs: its tokens are its own, and an import afterwards finds nothing new", async (context) => {
  const gemini = program(context, "gemini");
  using here = box();
  const llm = await model("gemini-tools", { CWD: here.workspace });
  const env = geminiEnv(here, llm);
  await using loci = await open(join(here.folder, "loci.db"));
  const following = await loci.follow({ env: { ...env, GEMINI_CLI_HOME: here.home }, sources: ["gemini"] });
  const watched = watch(loci);
  try {
    const args = ["-p", tour, "-m", "gemini-2.5-flash", "--output-format", "stream-json"]
      .concat("--approval-mode", "yolo")
      .concat("--skip-trust");
    const ran = await started(gemini, args, { cwd: here.workspace, env }).ended;
    expect(ran.code, ran.stderr).toBe(0);
    // Already while it ran.
    expect(watched.seen()).toBeGreaterThan(0);
    await following.settled();
    const [session] = await loci.engine.find(sessions);
    expect(session).toMatchObject({ source: "gemini" });
    if (session === undefined) throw new Error("There is no session.");
    const { inputTokens, cacheReadTokens, outputTokens, toolCount } = session;
    expect(toolCount).toBeGreaterThan(0);
    expect(inputTokens + cacheReadTokens + outputTokens).toBe(totalOf(join(here.home, ".gemini", "tmp")));
    const before = await rows(loci);
    await loci.import([join(here.home, ".gemini", "tmp")]);
    expect(await rows(loci)).toEqual(before);
  } finally {
    await watched.end();
    await following.close();
    await llm.close();
  }
});

/** What Gemini says of its answers itself: each once, as it stood last. */
function totalOf(folder: string): number {
  const totals = new Map<string, number>();
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!/chats.*\.jsonl$/.test(name)) continue;
    for (const line of jsonLines(readFileSync(join(folder, name), "utf8"))) {
      const { id, tokens } = line as { id?: string; tokens?: { total?: number } };
      if (id !== undefined && tokens?.total !== undefined) totals.set(id, tokens.total);
    }
  }
  expect(totals.size).toBeGreaterThan(0);
  return [...totals.values()].reduce((sum, total) => sum + total, 0);
}
