// The AI SDK and OpenAI Agents in this process, recorded and unrecorded in turn, with a model that takes 200 ms for each
// answer. What tracing costs without us stands beside it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { pathToFileURL } from "node:url";
import { aiSdkMiddleware, aiSdkTelemetry } from "../../dist/ai-sdk.js";
import { open } from "../../dist/index.js";
import { agentsSession, agentsTraceProcessor } from "../../dist/openai-agents.js";
import { startFakeLlm } from "../../test/support/fake-llm/lib/server.mjs";
import { askAgents, askAiSdk, weatherScript } from "../../test/support/weather.mjs";

const root = join(import.meta.dirname, "../..");
const agents = process.env.LOCI_TEST_AGENTS || join(root, "test/agents/node_modules");
const load = (path) => import(pathToFileURL(join(agents, path)).href);
const at = (list, share) => list.toSorted((a, b) => a - b)[Math.floor(list.length * share)];
const delayMs = 200;

export async function measure({ quick }) {
  const folder = mkdtempSync(join(tmpdir(), "loci-bench-embedded-"));
  const scenario = structuredClone(weatherScript);
  for (const { turns } of scenario.conversations) for (const turn of turns) turn.delayMs = delayMs;
  const llm = await startFakeLlm({ scenario, keep: false });
  const loci = await open(join(folder, "loci.db"));
  const recorder = loci.recorder({ warn: false });
  try {
    const result = {};
    for (const [name, sides] of Object.entries(programs(recorder, loci, llm.url))) {
      const times = Object.fromEntries(Object.keys(sides).map((side) => [side, []]));
      for (let round = -1; round < (quick ? 7 : 25); round++) {
        const order = Object.keys(sides);
        for (const side of order.map((_, at) => order[(at + round + order.length) % order.length])) {
          const from = performance.now();
          const { text } = await sides[side](`${name}-${side}-${round}`);
          if (text !== "It is sunny.") throw new Error(`${name}, ${side}: ${text}`);
          if (round >= 0) times[side].push(performance.now() - from);
        }
      }
      result[name] = Object.fromEntries(Object.entries(times).map(([side, list]) => [side, at(list, 0.5)]));
      const told = Object.entries(result[name]).map(([side, took]) => `${side} ${took.toFixed(1)} ms`);
      console.log(`  ${name.padEnd(24)} ${told.join(", ")} (p50)`);
    }
    const { noted, dropped, problem } = await recorder.flush();
    if (noted < 100 || dropped > 0 || problem)
      throw new Error(`${noted} noted, ${dropped} dropped: ${problem}`);
    return result;
  } finally {
    await recorder.close();
    await loci.close();
    await llm.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Each run's session has an id of its own. */
function programs(recorder, loci, url) {
  const traced = (more) => (groupId) =>
    askAgents(load, url, { groupId, processor: agentsTraceProcessor(recorder), ...more(groupId) });
  return {
    "ai-sdk": {
      plain: () => askAiSdk(load, { delayMs }),
      telemetry: (sessionId) =>
        askAiSdk(load, { delayMs, telemetry: aiSdkTelemetry(recorder, { sessionId }) }),
      middleware: (sessionId) =>
        askAiSdk(load, { delayMs, middleware: aiSdkMiddleware(recorder, { sessionId }) }),
    },
    "openai-agents": {
      plain: () => askAgents(load, url),
      "traced by nobody": () => askAgents(load, url, { groupId: "bench", processor: nothing }),
      traced: traced(() => ({})),
      "with a session": traced((id) => ({ session: agentsSession(loci, { sessionId: `${id}-items` }) })),
    },
  };
}

const nothing = Object.fromEntries(
  ["onTraceStart", "onTraceEnd", "onSpanStart", "onSpanEnd", "forceFlush", "shutdown"].map((name) => [
    name,
    async () => undefined,
  ]),
);
