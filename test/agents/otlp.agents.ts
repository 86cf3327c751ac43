import { once } from "node:events";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import Database from "libsql";
import { expect, test } from "vitest";
import { open, type Session } from "../../dist/index.js";
import {
  type Box,
  box,
  claudeEnv,
  codexEnv,
  type Ended,
  geminiEnv,
  jsonLines,
  model,
  opencodeEnv,
  program,
  type Program,
  started,
} from "../support/agents.ts";
import { killed, type Serving, serving } from "../telemetry/serve-world.ts";
import type { FakeLlm } from "../support/fake-llm/lib/server.mjs";
import type { TestContext } from "vitest";

const tour = "run the tool tour please";

interface Sent {
  readonly ran: Ended;
  readonly sessions: readonly Session[];
  readonly said: readonly string[];
  readonly tools: readonly string[];
}

interface Sending {
  readonly name: Program;
  readonly args: (here: Box) => readonly string[];
  readonly env: (here: Box, llm: FakeLlm, server: Serving) => Record<string, string>;
}

/** A real program sends to a real `loci serve`; what stands in its store afterwards. */
async function sends(context: TestContext, { name, args, env }: Sending): Promise<Sent> {
  const path = program(context, name);
  using here = box();
  const llm = await model(`${name}-tools`, { CWD: here.workspace });
  const server = await serving(here.folder);
  try {
    const ran = await started(path, args(here), { cwd: here.workspace, env: env(here, llm, server) }).ended;
    expect(ran.code, ran.stderr).toBe(0);
    await server.stop();
    expect(server.stderr()).toMatch(/ 0 dropped; \d+ records of no agent, 0 rejected/);
    await using loci = await open(join(here.folder, "store.db"));
    const { items: sessions } = await loci.sessions.list({});
    const all = await Promise.all(sessions.map(async ({ id }) => loci.sessions.messages(id)));
    const tools = await Promise.all(sessions.map(async ({ id }) => loci.sessions.toolExecutions(id)));
    return {
      ran,
      sessions,
      said: all.flat().map(({ role, content }) => `${role}: ${content}`),
      tools: tools.flat().map(({ toolName, status }) => `${toolName} ${status}`),
    };
  } finally {
    await server.stop("SIGKILL");
    await llm.close();
  }
}

function exporter({ url, token }: Pick<Serving, "url" | "token">, protocol: string): Record<string, string> {
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    OTEL_EXPORTER_OTLP_HEADERS: `Authorization=Bearer%20${token}`,
  };
}

const claudeArgs = [
  ...["-p", tour, "--output-format", "stream-json", "--verbose", "--permission-mode", "acceptEdits"],
  ...["--allowedTools", "Bash", "Read", "Write", "Edit"],
];

function claudeSending(
  here: Box,
  llm: FakeLlm,
  { server, protocol }: { server: Pick<Serving, "url" | "token">; protocol: string },
): Record<string, string> {
  return {
    ...claudeEnv(here, llm),
    ...exporter(server, protocol),
    CLAUDE_CODE_ENABLE_TELEMETRY: "1",
    CLAUDE_CODE_ENHANCED_TELEMETRY_BETA: "1",
    OTEL_LOGS_EXPORTER: "otlp",
    OTEL_METRICS_EXPORTER: "otlp",
    OTEL_TRACES_EXPORTER: "otlp",
    OTEL_LOG_USER_PROMPTS: "1",
    OTEL_LOG_ASSISTANT_RESPONSES: "1",
    OTEL_LOG_TOOL_DETAILS: "1",
  };
}

for (const protocol of ["http/protobuf", "http/json"]) {
  test(`Claude Code sends its session by ${protocol}, with its own totals to the token`, async (context) => {
    const { ran, sessions, said, tools } = await sends(context, {
      name: "claude",
      args: () => claudeArgs,
      env: (here, llm, server) => claudeSending(here, llm, { server, protocol }),
    });
    const result = jsonLines(ran.stdout).at(-1) as {
      session_id: string;
      total_cost_usd: number;
      modelUsage: Record<string, Record<string, number>>;
    };
    const usage = Object.values(result.modelUsage);
    const sum = (name: string): number => usage.reduce((all, one) => all + (one[name] ?? 0), 0);
    const [session, ...more] = sessions;
    expect(more).toEqual([]);
    expect(session).toMatchObject({
      id: result.session_id,
      title: tour,
      inputTokens: sum("inputTokens"),
      outputTokens: sum("outputTokens"),
      cacheReadTokens: sum("cacheReadInputTokens"),
      cacheWriteTokens: sum("cacheCreationInputTokens"),
    });
    expect(session?.costUsd).toBeCloseTo(result.total_cost_usd, 6);
    expect(said[0]).toBe(`user: ${tour}`);
    expect([...tools].sort()).toEqual([
      "Bash completed",
      "Bash error",
      "Edit completed",
      "Read completed",
      "Read error",
      "Write completed",
    ]);
  });
}

test("Claude Code waits no longer for a server whose store hangs, and does the same where there is no server", async (context) => {
  const path = program(context, "claude");
  const shapes: string[][] = [];
  const waited: Record<string, number[]> = { works: [], hangs: [], gone: [] };
  for (const kind of ["works", "hangs", "works", "hangs", "gone"]) {
    using here = box();
    const llm = await model("claude-tools", { CWD: here.workspace });
    const server = await serving(here.folder);
    const lock = new Database(join(here.folder, "store.db"));
    if (kind === "hangs") lock.exec("begin immediate");
    const way = await timedWay(server.url);
    if (kind === "gone") await server.stop("SIGKILL");
    const env = claudeSending(here, llm, {
      server: { url: way.url, token: server.token },
      protocol: "http/protobuf",
    });
    const ran = await started(path, claudeArgs, { cwd: here.workspace, env }).ended;
    expect(ran.code, ran.stderr).toBe(0);
    shapes.push(jsonLines(ran.stdout).map(({ type, subtype }) => `${String(type)} ${String(subtype ?? "")}`));
    expect(way.waits.length).toBeGreaterThan(0);
    waited[kind]?.push(way.waits.reduce((all, one) => all + one, 0));
    if (kind === "hangs") lock.exec("rollback");
    lock.close();
    await server.stop();
    await way.close();
    await llm.close();
    if (kind === "gone") continue;
    await using loci = await open(join(here.folder, "store.db"));
    expect((await loci.sessions.list({})).items).toHaveLength(1);
  }
  const [working = [], ...others] = shapes;
  expect(working.at(-1)).toBe("result success");
  for (const other of others) expect(other).toEqual(working);
  // The better of two: what else runs on the machine is in both.
  const best = (kind: string): number => Math.min(...(waited[kind] ?? []));
  expect(best("hangs") - best("works")).toBeLessThan(50);
});

/** A way to a server that says how long each answer was waited for. */
async function timedWay(to: string): Promise<{ url: string; waits: number[]; close: () => Promise<void> }> {
  const waits: number[] = [];
  const server = createServer((asked, answer) => {
    const began = performance.now();
    const onward = request(
      new URL(asked.url ?? "/", to),
      { method: "POST", headers: { ...asked.headers, host: new URL(to).host } },
      (reply) => {
        waits.push(performance.now() - began);
        answer.writeHead(reply.statusCode ?? 500, reply.headers);
        reply.pipe(answer);
      },
    );
    onward.on("error", () => {
      waits.push(performance.now() - began);
      answer.destroy();
    });
    asked.pipe(onward);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${port}`, waits, close };
}

test("Codex sends its session, with the tokens that it prints", async (context) => {
  const { ran, sessions, tools } = await sends(context, {
    name: "codex",
    args: () => ["exec", "--skip-git-repo-check", "--json", tour],
    env: (here, llm, { url, token }) => {
      const env = codexEnv(here, llm);
      const to = `endpoint = "${url}/v1/logs", protocol = "binary", headers = { "Authorization" = "Bearer ${token}" }`;
      appendFileSync(
        join(here.home, ".codex", "config.toml"),
        `[otel]\nlog_user_prompt = true\nexporter = { otlp-http = { ${to} } }\n`,
      );
      return env;
    },
  });
  const turn = jsonLines(ran.stdout).find(({ type }) => type === "turn.completed") as {
    usage: { input_tokens: number; cached_input_tokens: number; output_tokens: number };
  };
  expect(sessions).toHaveLength(1);
  expect(sessions[0]).toMatchObject({
    title: tour,
    inputTokens: turn.usage.input_tokens - turn.usage.cached_input_tokens,
    cacheReadTokens: turn.usage.cached_input_tokens,
    outputTokens: turn.usage.output_tokens,
  });
  expect(tools.length).toBeGreaterThan(1);
});

test("Gemini CLI sends its session, with the totals that it prints", async (context) => {
  const { ran, sessions, said, tools } = await sends(context, {
    name: "gemini",
    args: () =>
      ["-p", tour, "-m", "gemini-2.5-flash", "--output-format", "stream-json"].concat(
        ...["--approval-mode", "yolo", "--skip-trust"],
      ),
    env: (here, llm, server) => ({
      ...geminiEnv(here, llm),
      OTEL_EXPORTER_OTLP_HEADERS: `Authorization=Bearer%20${server.token}`,
      GEMINI_TELEMETRY_ENABLED: "true",
      GEMINI_TELEMETRY_TARGET: "local",
      GEMINI_TELEMETRY_OTLP_PROTOCOL: "http",
      GEMINI_TELEMETRY_OTLP_ENDPOINT: server.url,
    }),
  });
  const { stats } = jsonLines(ran.stdout).at(-1) as { stats: Record<string, number> };
  const [session, ...more] = sessions;
  expect(more).toEqual([]);
  expect(session).toMatchObject({ inputTokens: stats["input"], cacheReadTokens: stats["cached"] });
  expect((session?.inputTokens ?? 0) + (session?.cacheReadTokens ?? 0) + (session?.outputTokens ?? 0)).toBe(
    stats["total_tokens"],
  );
  expect(said).toContain("assistant: All done.");
  expect([...tools].sort()).toEqual([
    "read_file error",
    "run_shell_command completed",
    "write_file completed",
  ]);
});

test("OpenCode sends its session, and names it as it does itself", async (context) => {
  const { ran, sessions, tools } = await sends(context, {
    name: "opencode",
    args: () => ["run", "--format", "json", tour],
    env: (here, llm, server) => {
      const env = opencodeEnv(here, llm);
      const path = join(here.workspace, "opencode.json");
      const config = JSON.parse(readFileSync(path, "utf8")) as object;
      writeFileSync(path, JSON.stringify({ ...config, experimental: { openTelemetry: true } }));
      return { ...env, ...exporter(server, "http/json") };
    },
  });
  const own = jsonLines(ran.stdout).find(({ sessionID }) => typeof sessionID === "string");
  expect(sessions.map(({ id }) => id)).toContain(own?.["sessionID"]);
  expect(sessions[0]?.outputTokens).toBeGreaterThan(100);
  expect(tools.length).toBeGreaterThan(4);
});

test("kills at random lose nothing that loci serve acknowledged, fifty times", async () => {
  const { acknowledged, lost, doubled } = await killed(50);
  expect(acknowledged).toBeGreaterThan(50);
  expect([lost, doubled]).toEqual([0, 0]);
}, 400_000);
