import type { Engine } from "../../../engine/engine.ts";
import type { Happening } from "../../../model/happening.ts";
import { modelCalls } from "../../../model/model-call.ts";
import { hiddenCalls, isEmptyCall } from "./session.ts";
import type { ParserState } from "./state.ts";
import { titleOf } from "./title.ts";

/** What only a session and its sub-agents together tell: calls that stand in no line, and what a sub-agent is. */
export async function familyHappenings(
  engine: Engine,
  main: ParserState,
  children: readonly ParserState[],
): Promise<Happening[]> {
  return [...(await changedCalls(engine, main, children)), ...agentsOf(main, children)];
}

/** A model without a remainder is only written where it had one before. */
async function changedCalls(
  engine: Engine,
  main: ParserState,
  children: readonly ParserState[],
): Promise<Happening[]> {
  const calls = hiddenCalls(main, children);
  const empty = calls.filter(isEmptyCall).map((call) => call.id);
  if (empty.length === 0) return [...calls];
  const there = await engine.find(modelCalls, { where: { id: { anyOf: empty } }, fields: ["id"] });
  const known = new Set(there.map((row) => row.id));
  return calls.filter((call) => !isEmptyCall(call) || known.has(call.id));
}

/** What the session that started them says of its sub-agents, where they have no side file that does. */
function agentsOf(main: ParserState, children: readonly ParserState[]): Happening[] {
  return children.flatMap((child) => {
    const told = child.agentId === null ? undefined : main.agents[child.agentId];
    if (told === undefined || !child.seen || child.meta !== null) return [];
    const title = titleOf(told.description ?? "");
    return [
      {
        kind: "session",
        id: child.sessionId,
        ...(told.type === null ? {} : { agentType: told.type }),
        ...(title === undefined ? {} : { title }),
      },
    ];
  });
}
