import type { Page } from "../../operations/answers.ts";
import {
  addKnowledge,
  type FoundKnowledge,
  type KnowledgeAnswer,
  type KnowledgeItem,
  listKnowledge,
  searchKnowledge,
  showKnowledge,
} from "../../operations/knowledge.ts";
import { fittedPage, readOffset } from "./pages.ts";
import { entryOf, type LongText, pieceOf, placeOf, share } from "./pieces.ts";
import { age, clipped, named, sameWords } from "./recalled.ts";
import { ask, cursor, maxTokens, type Tool, type ToolCall } from "./tool.ts";

const tags = { kind: "list", summary: "" } as const;

const addKnowledgeTool: Tool = {
  name: "add_knowledge",
  description:
    "Keep what was found out, for every agent: search_knowledge finds it. supersedes replaces an older entry.",
  toolset: "memory",
  operation: addKnowledge,
  writes: { idempotent: true },
  aliases: { discovered_by: "agent_id" },
  params: {
    topic: { kind: "string", required: true, summary: "in a few words" },
    content: { kind: "string", required: true, summary: "" },
    category: { kind: "string", default: "general", summary: "" },
    tags,
    metadata: { kind: "json", of: "object", summary: "" },
    source: { kind: "string", summary: "", hidden: true },
    agent_id: { kind: "string", summary: "who found it" },
    session_id: { kind: "string", summary: "" },
    supersedes: { kind: "string", summary: "id" },
  },
  async run(call) {
    const { input, context } = call;
    const began = context.now();
    const known = input["supersedes"] === undefined ? await knownAlready(call) : undefined;
    const { entry } = known ? { entry: known } : await ask<KnowledgeAnswer>(addKnowledge, call, given(call));
    const stored = known === undefined && Date.parse(entry.createdAt) >= began;
    const by = entry.agentId === null ? "" : ` by ${named(entry.agentId, 60)}`;
    const text = stored
      ? `Kept as ${entry.id}. search_knowledge finds it.`
      : `Known already as ${entry.id}, since ${age(entry.createdAt, began)}${by}. Nothing new made; to correct it, call add_knowledge with supersedes.`;
    return { text, data: { id: entry.id, stored, created_at: entry.createdAt } };
  },
};

function given({ input }: ToolCall): Record<string, unknown> {
  const { source, tags: words, metadata, session_id: session, agent_id: agent } = input;
  const about = typeof metadata === "object" ? metadata : undefined;
  const kept = source === undefined ? about : { ...about, source };
  return {
    topic: input["topic"],
    content: [input["content"]],
    category: input["category"],
    // The older shape gives them as one text, with commas.
    tag: tagsOf(words),
    agent: agent ?? finder(about),
    session,
    message: undefined,
    metadata: kept === undefined ? undefined : JSON.stringify(kept),
    supersedes: input["supersedes"],
  };
}

function tagsOf(words: unknown): string[] {
  const list = Array.isArray(words) ? words : [];
  return list.flatMap((word) => String(word).split(",")).flatMap((word) => word.trim() || []);
}

/** The document's own entries say who found them in `metadata.discovered_by`. */
function finder(metadata: object | null | undefined): string | undefined {
  for (const name of ["discovered_by", "agent"]) {
    const said: unknown = metadata ? Reflect.get(metadata, name) : undefined;
    if (typeof said === "string" && said !== "") return said.slice(0, 200);
  }
  return undefined;
}

/** The entry that says the same, also with other white space, quotation marks or topic: it was recalled, not learned. */
async function knownAlready(call: ToolCall): Promise<KnowledgeItem | undefined> {
  const content = String(call.input["content"]);
  const found = await ask<FoundKnowledge>(searchKnowledge, call, {
    words: [content.slice(0, 300)],
    category: undefined,
    tag: [],
    agent: undefined,
    limit: 5,
  });
  return found.items.find((one) => sameWords(one.content, content));
}

const searchKnowledgeTool: Tool = {
  name: "search_knowledge",
  description: "What agents found out, by plain words, best first; without query the newest.",
  toolset: "memory",
  operation: searchKnowledge,
  params: {
    query: { kind: "string", summary: "plain words" },
    category: { kind: "string", summary: "" },
    tags: { kind: "list", summary: "all of them" },
    limit: { kind: "integer", default: 10, min: 1, max: 50, summary: "" },
    cursor,
    max_tokens: maxTokens,
  },
  async run(call) {
    const { input, context, room } = call;
    const place = placeOf(input["cursor"]);
    if (place !== undefined) {
      const { entry } = await ask<KnowledgeAnswer>(showKnowledge, call, { id: place.id });
      const options = { tool: "search_knowledge", offset: place.offset, room };
      return pieceOf(longText(entry, context.now(), room), options);
    }
    const names = ["query", "category", "tags", "limit"];
    const spec = { tool: "search_knowledge", list: "knowledge", names };
    return fittedPage(call, spec, input["query"] === undefined ? newest(call) : best(call));
  },
};

type Reading = Parameters<typeof fittedPage>[2];

function filterOf({ input }: ToolCall): Record<string, unknown> {
  return { category: input["category"], tag: tagsOf(input["tags"]), agent: undefined };
}

function best(call: ToolCall): Reading {
  const { input, context, room } = call;
  return async (count) => {
    const offset = readOffset(input["cursor"]);
    // One more than is shown says whether there is a next page, also where the total is a guess.
    const asked = { ...filterOf(call), words: [input["query"]], limit: offset + count + 1 };
    const { items, total, isCounted } = await ask<FoundKnowledge>(searchKnowledge, call, asked);
    const hits = items.slice(offset, offset + count);
    const most = share(room, hits.length);
    const span = hits.length === 0 ? "0" : `${offset + 1} to ${offset + hits.length}`;
    const of = `${isCounted ? "" : "about "}${total}`;
    return {
      head: `${span} of ${of} entries for ${JSON.stringify(clipped(String(input["query"]), 80))}`,
      entries: hits.map((item) =>
        entryOf(longText(item, context.now(), room), most, { tool: "search_knowledge" }),
      ),
      next: (shown) => (offset + shown < items.length ? String(offset + shown) : null),
      data: { total },
    };
  };
}

function newest(call: ToolCall): Reading {
  const { input, context, room } = call;
  return async (limit) => {
    const asked = { ...filterOf(call), history: false, limit, after: input["cursor"] };
    const { items, next } = await ask<Page<KnowledgeItem>>(listKnowledge, call, asked);
    const most = share(room, items.length);
    return {
      head: items.length === 0 ? "No entry matches." : "Knowledge, newest first",
      entries: items.map((item) =>
        entryOf(longText(item, context.now(), room), most, { tool: "search_knowledge" }),
      ),
      next: (shown) => (shown === items.length ? next : undefined),
    };
  };
}

function longText(item: KnowledgeItem, now: number, room: number): LongText {
  const { id, category, topic, content, tags: words, metadata, agentId, sessionId } = item;
  const about = `${clipped(category, 100)} / ${clipped(topic, 300)}`;
  const shown = words.slice(0, 20).map((tag) => clipped(tag, 60));
  const from = [
    `knowledge ${id}`,
    ...(agentId === null ? [] : [`of ${named(agentId, 60)}`]),
    ...(sessionId === null ? [] : [`session ${named(sessionId, 200)}`]),
    age(item.createdAt, now),
  ];
  const details = metadata === null ? undefined : JSON.stringify(metadata);
  const long = {
    id,
    head: from.join(" · "),
    title: `${about}${shown.length > 0 ? ` [${shown.join(", ")}]` : ""}`,
    text: content,
    name: "content",
    data: {
      id,
      category: clipped(category, 100),
      topic: clipped(topic, 300),
      tags: shown,
      ...(details === undefined
        ? {}
        : { metadata: details.length <= 500 ? metadata : { cut: clipped(details, 300) } }),
      agent_id: agentId === null ? null : clipped(agentId, 60),
      session_id: sessionId === null ? null : clipped(sessionId, 200),
      created_at: item.createdAt,
      recalled: true,
    },
  };
  if (JSON.stringify(long.data).length <= room / 4) return long;
  // A short answer, and much about the text: what it is about in short, so that there is room for the text.
  const topicOnly = clipped(topic, 60);
  return { ...long, title: topicOnly, data: { id, topic: topicOnly, recalled: true } };
}

export const knowledgeTools: readonly Tool[] = [addKnowledgeTool, searchKnowledgeTool];
