// query() of the Claude Agent SDK with a session store and the wrapper, without them, with the wrapper alone, and with a
// session store that does nothing, in turn: what the SDK itself takes for a store is not ours.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createSessionStore, withLoci } from "../../dist/claude-agent-sdk.js";
import { open } from "../../dist/index.js";
import { startFakeLlm } from "../../test/support/fake-llm/lib/server.mjs";

const root = join(import.meta.dirname, "../..");
const agents = process.env.LOCI_TEST_AGENTS || join(root, "test/agents/node_modules");
const at = (list, share) => list.toSorted((a, b) => a - b)[Math.floor(list.length * share)];

export async function measure({ quick }) {
  const { query } = await import(join(agents, "@anthropic-ai/claude-agent-sdk/sdk.mjs"));
  const folder = mkdtempSync(join(tmpdir(), "loci-bench-sdk-"));
  const file = join(root, "test/support/fake-llm/scenarios/claude-tools.json");
  const scenario = JSON.parse(readFileSync(file, "utf8"));
  for (const { turns } of scenario.conversations) for (const turn of turns) turn.delayMs = quick ? 0 : 500;
  const llm = await startFakeLlm({ scenario, keep: false });
  const loci = await open(join(folder, "loci.db"));
  const sessionStore = createSessionStore(loci);
  const sides = {
    plain: { query, more: {}, times: [] },
    wrapped: { query: withLoci(query, loci.recorder()), more: {}, times: [] },
    empty: { query, more: { sessionStore: nothing, sessionStoreFlush: "eager" }, times: [] },
    recorded: {
      query: withLoci(query, sessionStore),
      more: { sessionStore, sessionStoreFlush: "eager" },
      times: [],
    },
  };
  try {
    for (let round = -1; round < (quick ? 5 : 15); round++) {
      const order = Object.entries(sides);
      for (const [name, side] of order.map((_, at) => order[(at + round + order.length) % order.length])) {
        const took = await run(side, { home: join(folder, name), url: llm.url });
        if (round >= 0) side.times.push(took);
      }
    }
    const { noted, dropped, problem } = await sessionStore.recorder.flush();
    if (noted < 100 || dropped > 0 || problem)
      throw new Error(`${noted} noted, ${dropped} dropped: ${problem}`);
    const [plain, wrapped, empty, recorded] = Object.values(sides).map(({ times }) => at(times, 0.5));
    console.log(
      `  a tool tour              ${plain.toFixed(0)} ms, wrapped ${wrapped.toFixed(0)} ms, with an empty store ${empty.toFixed(0)} ms, recorded ${recorded.toFixed(0)} ms (p50)`,
    );
    return { plain, wrapped, empty, recorded, added: recorded - plain };
  } finally {
    await sessionStore.close();
    await loci.close();
    await llm.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A session store that keeps nothing. */
const nothing = {
  append: async () => undefined,
  load: async () => null,
  listSessions: async () => [],
  listSubkeys: async () => [],
  delete: async () => undefined,
};

async function run({ query, more }, { home, url }) {
  const workspace = join(home, "workspace");
  mkdirSync(workspace, { recursive: true });
  const config = join(home, ".claude");
  process.env.CLAUDE_CONFIG_DIR = config;
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    CLAUDE_CONFIG_DIR: config,
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_API_KEY: "sk-ant-dummy",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_TELEMETRY: "1",
    DISABLE_AUTOUPDATER: "1",
    DISABLE_ERROR_REPORTING: "1",
  };
  const allowedTools = ["Bash", "Read", "Write", "Edit"];
  const options = {
    cwd: workspace,
    env,
    permissionMode: "acceptEdits",
    allowedTools,
    settingSources: [],
    ...more,
  };
  const from = performance.now();
  for await (const message of query({ prompt: "run the tool tour please", options })) {
    if (message.type === "result" && message.is_error) throw new Error(JSON.stringify(message));
  }
  return performance.now() - from;
}
