import type { Page } from "../../../operations/answers.ts";
import {
  type CheckpointAnswer,
  type CheckpointItem,
  listCheckpoints,
  saveCheckpoint,
  type SavedAnswer,
  showCheckpoint,
} from "../../../operations/checkpoints.ts";
import {
  getValue,
  type KeyedAnswer,
  type RemovedKey,
  removeValue,
  setValue,
  type StoredValue,
} from "../../../operations/keyed.ts";
import {
  type FoundKnowledge,
  type KnowledgeItem,
  listKnowledge,
  searchKnowledge,
} from "../../../operations/knowledge.ts";
import { LociError } from "../../../errors.ts";
import { counted } from "../../cli/people.ts";
import { readOffset } from "../pages.ts";
import { clipped, named } from "../recalled.ts";
import { ask, quietMaxTokens, type Tool, type ToolCall } from "../tool.ts";
import { alias, given, text } from "./alias.ts";

/** Namespace is the category of an entry of knowledge, key its topic, value its content. */
const memoryStore: Tool = alias({
  name: "memory_store",
  description: "Store a value under a key of a namespace, in place of the one that stands there.",
  operation: setValue,
  writes: { idempotent: true },
  params: {
    key: given,
    value: { kind: "json", of: "value", required: true, summary: "" },
    namespace: { ...text, default: "default" },
    tags: { kind: "list", summary: "" },
  },
  async run(call) {
    const { key, namespace, value, tags: tag } = call.input;
    const content = typeof value === "string" ? value : JSON.stringify(value);
    const { entry, changed } = await ask<StoredValue>(setValue, call, {
      key,
      namespace,
      value: content,
      tag,
    });
    const said = changed ? "Stored" : "Stored already";
    return {
      head: `${said} as ${entry.id}.`,
      data: { success: true, key, namespace, id: entry.id, changed },
    };
  },
});

const memoryRetrieve: Tool = alias({
  name: "memory_retrieve",
  description: "The value of a key of a namespace.",
  operation: getValue,
  params: { key: given, namespace: { ...text, default: "default" }, max_tokens: quietMaxTokens },
  async run(call) {
    const { entry } = await ask<KeyedAnswer>(getValue, call, call.input);
    const name = named(String(call.input["key"]), 200);
    if (entry === null) return { head: `${name} has no value.`, data: { found: false, value: null } };
    return {
      head: `${name}, since ${entry.createdAt}`,
      data: { found: true, ...valueOf(entry), value: parsed(entry.content) },
    };
  },
});

const memorySearch: Tool = alias({
  name: "memory_search",
  description: "Values by plain words, best first; without namespace in all of them.",
  operation: searchKnowledge,
  params: {
    query: given,
    namespace: text,
    limit: { kind: "integer", default: 10, min: 1, max: 100, summary: "" },
    max_tokens: quietMaxTokens,
  },
  async run(call) {
    const { query, limit } = call.input;
    const asked = { words: [query], category: namespaceOf(call), tag: [], agent: undefined, limit };
    const { items, total } = await ask<FoundKnowledge>(searchKnowledge, call, asked);
    const results = items.map((item) => ({
      ...valueOf(item),
      value: clipped(item.content, 600),
      score: item.score,
    }));
    return {
      head: `${results.length} of ${total} found`,
      data: { total },
      list: { name: "results", items: results },
    };
  },
});

const memoryList: Tool = alias({
  name: "memory_list",
  description: "Keys and the beginnings of their values, newest first.",
  operation: listKnowledge,
  params: {
    namespace: text,
    limit: { kind: "integer", default: 50, min: 1, max: 200, summary: "" },
    offset: { kind: "integer", default: 0, min: 0, summary: "" },
    max_tokens: quietMaxTokens,
  },
  async run(call) {
    const { limit, offset } = call.input;
    const skipped = readOffset(String(offset));
    const count = Math.min(1_000, Number(limit) + skipped);
    const asked = { category: namespaceOf(call), tag: [], agent: undefined, history: false, limit: count };
    const { items } = await ask<Page<KnowledgeItem>>(listKnowledge, call, { ...asked, after: undefined });
    const entries = items
      .slice(skipped)
      .map((item) => ({ ...valueOf(item), value: clipped(item.content, 200) }));
    return { head: counted(entries.length, "entry", "entries"), list: { name: "entries", items: entries } };
  },
});

const memoryDelete: Tool = alias({
  name: "memory_delete",
  description: "Take a key away, with the values it had.",
  operation: removeValue,
  writes: { destructive: true, idempotent: true },
  params: { key: given, namespace: { ...text, default: "default" } },
  async run(call) {
    const { removed } = await ask<RemovedKey>(removeValue, call, call.input);
    const name = named(String(call.input["key"]), 200);
    return {
      head: removed === 0 ? `${name} had no value.` : `${name} is deleted.`,
      data: { success: removed > 0, deleted: removed > 0 },
    };
  },
});

function namespaceOf({ input }: ToolCall): unknown {
  return input["namespace"] === "all" ? undefined : input["namespace"];
}

function valueOf({ topic, category, tags, createdAt, uses }: KnowledgeItem): object {
  return {
    key: clipped(topic, 200),
    namespace: clipped(category, 200),
    tags: tags.slice(0, 20).map((tag) => clipped(tag, 60)),
    storedAt: createdAt,
    accessCount: uses,
  };
}

/** A value that was stored as an object comes back as one. */
function parsed(content: string): unknown {
  if (!/^\s*[[{]/.test(content)) return content;
  try {
    return JSON.parse(content);
  } catch {
    return content;
  }
}

const sessionSave: Tool = alias({
  name: "session_save",
  description: "Save a state under a name. Memory, tasks and agents are kept anyway: they need no saving.",
  operation: saveCheckpoint,
  writes: {},
  params: { name: given, description: text, value: { kind: "json", of: "value", summary: "" } },
  async run(call) {
    const { name, description = null, value = null } = call.input;
    const { checkpoint } = await ask<SavedAnswer>(saveCheckpoint, call, {
      data: JSON.stringify({ name, description, value }),
      session: name,
      project: undefined,
      type: "session",
      parent: undefined,
    });
    const { id, createdAt } = checkpoint;
    return { head: `Saved as ${id}.`, data: { sessionId: id, name, savedAt: createdAt } };
  },
});

const sessionRestore: Tool = alias({
  name: "session_restore",
  description: "A saved state: by sessionId, by name, else the newest.",
  operation: showCheckpoint,
  params: { sessionId: text, name: text, max_tokens: quietMaxTokens },
  async run(call) {
    const { sessionId, name } = call.input;
    const id = sessionId ?? (await newest(call, name));
    const asked = { id, session: undefined, project: undefined, type: undefined };
    const { checkpoint } = await ask<CheckpointAnswer>(showCheckpoint, call, asked);
    const data = typeof checkpoint.data === "object" ? checkpoint.data : { value: checkpoint.data };
    return {
      head: `Saved ${checkpoint.createdAt}`,
      data: { sessionId: checkpoint.id, savedAt: checkpoint.createdAt, ...data },
    };
  },
});

async function newest(call: ToolCall, session: unknown): Promise<string> {
  const asked = { session, project: undefined, type: "session", limit: 1, after: undefined };
  const { items } = await ask<Page<CheckpointItem>>(listCheckpoints, call, asked);
  const [last] = items;
  if (last !== undefined) return last.id;
  throw new LociError("not-found", "No such session was saved.", { next: "Call session_save first." });
}

export const memoryAliases: readonly Tool[] = [
  memoryStore,
  memoryRetrieve,
  memorySearch,
  memoryList,
  memoryDelete,
  sessionSave,
  sessionRestore,
];
