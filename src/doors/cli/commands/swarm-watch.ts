import { setTimeout as pause } from "node:timers/promises";
import { type AgentItem, showSwarm, type SwarmAnswer } from "../../../operations/swarm.ts";
import type { Call } from "../command.ts";
import { jsonText } from "../output.ts";
import { safeField } from "../safe.ts";
import { drawSwarm } from "../views/swarm.ts";

/** Between two looks at the store. */
const every = 1_000;

const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";

/** `loci swarm ID --watch`: in place on a terminal; elsewhere a line for each agent that changed. */
export async function watchSwarm(call: Call): Promise<undefined> {
  const loci = await call.open();
  const look = async (): Promise<SwarmAnswer> => {
    const answer = await showSwarm.run(loci, call.input, call.context);
    // showSwarm answers this and nothing else.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return answer as SwarmAnswer;
  };
  await (call.out.format === "table" && call.out.isTerminal ? redraw(call, look) : tell(call, look));
  return undefined;
}

async function redraw({ out, screen, signal, env }: Call, look: () => Promise<SwarmAnswer>): Promise<void> {
  const canMove = env["TERM"] !== "dumb";
  let drawn = 0;
  if (canMove) await out.write(hideCursor);
  try {
    while (!signal.aborted) {
      const answer = await look();
      // The window may have become another since the last look.
      const columns = Math.max(40, process.stdout.columns || screen.columns);
      const lines = drawSwarm(answer, { ...screen, columns }).slice(
        0,
        Math.max(3, (process.stdout.rows || 1_000) - 1),
      );
      if (answer.agents.length === 0) lines.push("No agent is registered yet.");
      const back = drawn > 0 && canMove ? `\u001b[${drawn}A\r\u001b[J` : "";
      await out.write(`${back}${lines.join("\n")}\n`);
      drawn = lines.length;
      // The wait is over at once when somebody presses Ctrl-C.
      await pause(every, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    if (canMove) await out.write(showCursor);
  }
}

/** What does not change by itself as time goes by. */
function stateOf(agent: AgentItem): Record<string, unknown> {
  const { agentId, region, status, health, activity, currentTask, done, failed } = agent;
  return { agentId, region, status, health, activity, currentTask, done, failed };
}

async function tell({ out, signal }: Call, look: () => Promise<SwarmAnswer>): Promise<void> {
  const isJson = out.format === "json" || out.format === "ndjson";
  const before = new Map<string, string>();
  while (!signal.aborted) {
    const { at, agents } = await look();
    const lines = agents.flatMap((agent) => {
      const state = stateOf(agent);
      const text = JSON.stringify(state);
      if (before.get(agent.agentId) === text) return [];
      before.set(agent.agentId, text);
      if (isJson) return [jsonText({ at, ...state })];
      return [[at, ...Object.values(state).map((value) => safeField(String(value ?? "")))].join("\t")];
    });
    await out.lines(lines);
    await pause(every, undefined, { signal }).catch(() => undefined);
  }
}
