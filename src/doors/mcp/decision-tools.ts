import type { Page } from "../../operations/answers.ts";
import {
  addMemory,
  listMemory,
  type MemoryAnswer,
  type MemoryItem,
  showMemory,
} from "../../operations/memory.ts";
import { fittedPage } from "./pages.ts";
import { entryOf, type LongText, pieceOf, placeOf, share } from "./pieces.ts";
import { age, clipped, named } from "./recalled.ts";
import { ask, cursor, quietMaxTokens, type Tool } from "./tool.ts";

const text = { kind: "string", summary: "" } as const;

const saveDecisionTool: Tool = {
  name: "save_decision",
  description: "Keep what an agent decided, and why, for later sessions. supersedes: the id it replaces.",
  toolset: "memory",
  operation: addMemory,
  writes: {},
  params: {
    agent_id: { ...text, required: true },
    decision_type: { ...text, required: true },
    decision_data: { kind: "json", of: "value", required: true, summary: "any JSON" },
    context: { kind: "json", of: "value", summary: "why" },
    scope: text,
    session_id: text,
    supersedes: text,
  },
  async run(call) {
    const { input } = call;
    const { context, decision_data: data } = input;
    const { memory, replaced } = await ask<MemoryAnswer>(addMemory, call, {
      agent: input["agent_id"],
      type: input["decision_type"],
      decision: [JSON.stringify(data)],
      context: context === undefined ? undefined : JSON.stringify(context),
      scope: input["scope"] ?? "agent",
      session: input["session_id"],
      message: undefined,
      supersedes: input["supersedes"],
    });
    const [older] = replaced;
    return {
      text: `Decision kept as ${memory.id}${older ? `, in place of ${older.id}` : ""}. list_decisions recalls it.`,
      data: { id: memory.id, supersedes: memory.supersedes, created_at: memory.createdAt },
    };
  },
};

const listDecisionsTool: Tool = {
  name: "list_decisions",
  description: "What agents decided, newest first, without what was superseded.",
  toolset: "memory",
  operation: listMemory,
  params: {
    agent_id: text,
    decision_type: text,
    scope: text,
    session_id: text,
    limit: { kind: "integer", default: 10, min: 1, max: 50, summary: "" },
    cursor,
    max_tokens: quietMaxTokens,
  },
  async run(call) {
    const { input, context, room } = call;
    const place = placeOf(input["cursor"]);
    if (place !== undefined) {
      const { memory } = await ask<MemoryAnswer>(showMemory, call, { id: place.id });
      const options = { tool: "list_decisions", offset: place.offset, room };
      return pieceOf(longText(memory, context.now()), options);
    }
    const names = ["agent_id", "decision_type", "scope", "session_id", "limit"];
    return fittedPage(call, { tool: "list_decisions", list: "decisions", names }, async (limit) => {
      const { items, next } = await ask<Page<MemoryItem>>(listMemory, call, {
        agent: input["agent_id"],
        type: input["decision_type"],
        scope: input["scope"],
        session: input["session_id"],
        history: false,
        limit,
        after: input["cursor"],
      });
      const most = share(room, items.length);
      return {
        head: items.length === 0 ? "No decision matches." : "Decisions, newest first",
        entries: items.map((item) =>
          entryOf(longText(item, context.now()), most, { tool: "list_decisions" }),
        ),
        next: (shown) => (shown === items.length ? next : undefined),
      };
    });
  },
};

function longText(item: MemoryItem, now: number): LongText {
  const { id, agentId, decisionType, decisionData, context, scope, sessionId, supersedes } = item;
  const from = [
    `decision ${id} of ${named(agentId, 60)}`,
    named(decisionType, 60),
    ...(scope === "agent" ? [] : [`for ${named(scope, 60)}`]),
    ...(sessionId === null ? [] : [`session ${named(sessionId, 200)}`]),
    age(item.createdAt, now),
  ];
  const why = context === null ? "" : `\ncontext: ${textOf(context)}`;
  return {
    id,
    head: from.join(" · "),
    text: `${textOf(decisionData)}${why}`,
    name: "decision_data",
    whole: { decision_data: decisionData, context },
    data: {
      id,
      agent_id: clipped(agentId, 60),
      decision_type: clipped(decisionType, 60),
      scope: clipped(scope, 60),
      session_id: sessionId === null ? null : clipped(sessionId, 200),
      supersedes,
      created_at: item.createdAt,
      recalled: true,
    },
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

export const decisionTools: readonly Tool[] = [saveDecisionTool, listDecisionsTool];
