import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createIngest } from "../../dist/domains/ingest.js";
import { createPrices } from "../../dist/domains/prices.js";
import { type Happening, open } from "../../dist/index.js";

/** The built command line in a process of its own, in a home of its own. */

export const main: string = fileURLToPath(new URL("../../dist/doors/cli/main.js", import.meta.url));

/** util-linux's `script` gives a child process a terminal; others of that name take other flags. */
export const hasTerminal: boolean = spawnSync("script", ["-qec", "true", "/dev/null"]).status === 0;

export const terminalReason = "util-linux's script gives the tests a terminal.";

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly folder?: string;
  readonly stdin?: string;
}

export interface World {
  readonly home: string;
  /** The default store's file. */
  readonly store: string;
  loci(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** In a terminal so many columns wide: what a person sees, stdout and stderr in one. */
  screen(args: readonly string[], options: RunOptions & { readonly columns: number }): Promise<Ran>;
  seed(happenings: readonly Happening[], store?: string): Promise<void>;
  end(): void;
}

export function makeWorld(): World {
  const home = mkdtempSync(join(tmpdir(), "loci-cli-"));
  const store = join(home, ".loci", "loci.db");
  const environment = (extra: Readonly<Record<string, string>> = {}): Record<string, string> => ({
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    TZ: "UTC",
    LANG: "C.UTF-8",
    ...extra,
  });
  const start = (
    command: string,
    args: readonly string[],
    { env, folder, stdin }: RunOptions,
  ): Promise<Ran> =>
    new Promise((done, failed) => {
      const child = spawn(command, args, { cwd: folder ?? home, env: environment(env) });
      let [stdout, stderr] = ["", ""];
      child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
      child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
      child.on("error", failed);
      child.on("close", (code) => done({ code, stdout, stderr }));
      child.stdin.on("error", () => undefined);
      child.stdin.end(stdin ?? "");
    });
  return {
    home,
    store,
    loci: (args, options = {}) => start(process.execPath, [main, ...args], options),
    screen(args, { columns, env, ...options }) {
      const command = [process.execPath, main, ...args]
        .map((word) => `'${word.replaceAll("'", "'\\''")}'`)
        .join(" ");
      return start("script", ["-qec", `stty cols ${columns} rows 40; exec ${command}`, "/dev/null"], {
        ...options,
        env: { TERM: "xterm-256color", ...env },
      });
    },
    async seed(happenings, path = store) {
      mkdirSync(join(home, ".loci"), { recursive: true, mode: 0o700 });
      const loci = await open(path);
      const { costOf } = createPrices();
      const ingest = createIngest(loci.engine, { now: Date.now, costOf });
      const { sessions } = await ingest.write(happenings);
      await ingest.settle(sessions);
      await loci.close();
    },
    end: () => rmSync(home, { recursive: true, force: true }),
  };
}

const minute = 60_000;

/** Three sessions: one with a sub-agent and an error, one whose model has no price, one in another script. */
export function someSessions(now: number): Happening[] {
  const api = "32851669-0000-4000-8000-000000000001";
  const child = `${api}/agent-1`;
  const web = "a81c0000-0000-4000-8000-000000000002";
  const cjk = "9d02ffff-0000-4000-8000-000000000003";
  const at = now - 12 * minute;
  return [
    {
      kind: "session",
      id: api,
      agentType: "claude-code",
      source: "claude-code",
      title: "Fix the flaky sync test in hub",
      projectPath: "/home/me/work/api",
      model: "claude-opus-4-5-20251101",
      startedAt: at - 40 * minute,
      endedAt: at,
      status: "completed",
      gitBranch: "main",
    },
    {
      kind: "message",
      id: "m1",
      sessionId: api,
      role: "user",
      content: "The sync test fails one time in ten.\nFind out why.",
      createdAt: at - 40 * minute,
    },
    {
      kind: "message",
      id: "m2",
      sessionId: api,
      role: "assistant",
      content: "Let me run it.",
      createdAt: at - 39 * minute,
      model: "claude-opus-4-5-20251101",
    },
    {
      kind: "toolExecution",
      id: "t1",
      sessionId: api,
      messageId: "m2",
      toolName: "Bash",
      input: { command: "npm test -- hub" },
      error: "1 test failed: retry backoff exceeded",
      status: "error",
      startedAt: at - 39 * minute,
      endedAt: at - 38 * minute,
    },
    {
      kind: "message",
      id: "m3",
      sessionId: api,
      role: "assistant",
      content: "The timer is not awaited. Fixed.",
      createdAt: at,
      model: "claude-opus-4-5-20251101",
    },
    {
      kind: "modelCall",
      id: "c1",
      sessionId: api,
      messageId: "m2",
      model: "claude-opus-4-5-20251101",
      inputTokens: 1200,
      outputTokens: 800,
      cacheReadTokens: 400_000,
      cacheWriteTokens: 20_000,
      startedAt: at - 39 * minute,
      final: true,
    },
    {
      kind: "session",
      id: child,
      agentType: "explore",
      source: "claude-code",
      title: "Look for timers",
      parentSessionId: api,
      projectPath: "/home/me/work/api",
      startedAt: at - 30 * minute,
      endedAt: at - 20 * minute,
      status: "completed",
    },
    {
      kind: "message",
      id: "m4",
      sessionId: child,
      role: "assistant",
      content: "Three timers.",
      createdAt: at - 25 * minute,
    },
    {
      kind: "modelCall",
      id: "c2",
      sessionId: child,
      model: "claude-sonnet-4-5",
      inputTokens: 9000,
      outputTokens: 400,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      startedAt: at - 25 * minute,
      final: true,
    },
    {
      kind: "session",
      id: web,
      agentType: "claude-code",
      source: "claude-code",
      title: "Trace p99 spikes on claim()",
      projectPath: "/home/me/work/web",
      startedAt: now - 90 * minute,
      endedAt: now - 70 * minute,
      status: "error",
      errorMessage: "API Error: 529 overloaded",
    },
    {
      kind: "message",
      id: "m5",
      sessionId: web,
      role: "user",
      content: "Why is p99 so high?",
      createdAt: now - 90 * minute,
    },
    {
      kind: "modelCall",
      id: "c3",
      sessionId: web,
      model: "foo-9",
      inputTokens: 5000,
      outputTokens: 300,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      startedAt: now - 89 * minute,
      final: true,
    },
    {
      kind: "session",
      id: cjk,
      agentType: "claude-code",
      source: "claude-code",
      title: "修复不稳定的同步测试，并且解释为什么它会失败 🎉",
      projectPath: "/home/me/work/エージェント",
      model: "claude-sonnet-4-5",
      startedAt: now - 30 * 60 * minute,
      endedAt: now - 29 * 60 * minute,
      status: "completed",
    },
    {
      kind: "message",
      id: "m6",
      sessionId: cjk,
      role: "user",
      content: "为什么？",
      createdAt: now - 30 * 60 * minute,
    },
    {
      kind: "modelCall",
      id: "c4",
      sessionId: cjk,
      model: "claude-sonnet-4-5",
      inputTokens: 100_000,
      outputTokens: 60_000,
      cacheReadTokens: 3_000_000,
      cacheWriteTokens: 100_000,
      startedAt: now - 30 * 60 * minute,
      final: true,
    },
  ];
}
