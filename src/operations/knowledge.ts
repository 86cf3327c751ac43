import type { KnowledgeEntry } from "../domains/knowledge.ts";
import type { Page } from "./answers.ts";
import { bring } from "../domains/bring.ts";
import { LociError } from "../errors.ts";
import type { Knowledge } from "../model/knowledge.ts";
import { createLociReader } from "../record/sources/loci.ts";
import { jsonValue, sessionMeant } from "./given.ts";
import { isoTime, type Operation, operation } from "./operation.ts";
import {
  historyFlag,
  limitFlag,
  messageFlag,
  pageFlag,
  sessionFlag,
  supersedesFlag,
  tagFlag,
} from "./params.ts";

export type KnowledgeItem = Omit<KnowledgeEntry, "createdAt" | "updatedAt"> & {
  readonly createdAt: string;
  readonly updatedAt: string;
};

export interface KnowledgeAnswer {
  readonly entry: KnowledgeItem;
}

export type FoundItem = KnowledgeItem & { readonly score: number; readonly snippet: string };

export interface FoundKnowledge {
  readonly items: readonly FoundItem[];
  /** So many entries match. */
  readonly total: number;
  /** False: there are about so many. */
  readonly isCounted: boolean;
}

export interface Removed {
  readonly removed: string;
}

const categoryFlag = { kind: "string", summary: "only of this category", placeholder: "NAME" } as const;
const agentFlag = { kind: "string", summary: "only what this agent found", placeholder: "NAME" } as const;
const idParam = {
  kind: "string",
  positional: true,
  required: true,
  summary: "its id, or the beginning of it",
} as const;

export function knowledgeItem<Entry extends KnowledgeEntry>(
  entry: Entry,
): Omit<Entry, "createdAt" | "updatedAt"> & KnowledgeItem {
  return { ...entry, createdAt: isoTime(entry.createdAt), updatedAt: isoTime(entry.updatedAt) };
}

export const addKnowledge: Operation = operation({
  name: "know add",
  summary: "keep something that was found out, for every agent",
  access: "write",
  params: {
    topic: { kind: "string", positional: true, required: true, summary: "what it is about, in a few words" },
    content: { kind: "list", positional: true, summary: "what was found out" },
    category: {
      kind: "string",
      letter: "c",
      default: "general",
      summary: "its category",
      placeholder: "NAME",
    },
    tag: tagFlag,
    agent: { kind: "string", summary: "who found it", placeholder: "NAME" },
    session: sessionFlag,
    message: messageFlag,
    metadata: { kind: "string", summary: "anything else, as JSON", placeholder: "JSON" },
    supersedes: supersedesFlag,
  },
  async run(loci, input, context): Promise<KnowledgeAnswer> {
    const { topic, category, tag, agent, message, metadata, supersedes } = input;
    const entry = await loci.knowledge.add({
      topic,
      category,
      content: input.content.join(" "),
      tags: tag,
      agentId: agent,
      sessionId: await sessionMeant(loci, input.session, context),
      messageId: message,
      ...(metadata === undefined ? {} : { metadata: jsonValue("--metadata", metadata) }),
      supersedes: supersedes === undefined ? null : (await loci.knowledge.resolve(supersedes)).id,
    });
    return { entry: knowledgeItem(entry) };
  },
});

export const searchKnowledge: Operation = operation({
  name: "know search",
  summary: "find knowledge by words, whoever found it out",
  access: "read",
  params: {
    words: { kind: "list", positional: true, required: true, summary: "what to look for, in plain words" },
    category: { ...categoryFlag, letter: "c" },
    tag: tagFlag,
    agent: agentFlag,
    limit: { ...limitFlag, default: 10 },
  },
  async run(loci, input): Promise<FoundKnowledge> {
    const { words, category, tag, agent, limit } = input;
    const found = await loci.knowledge.search(words.join(" "), {
      category,
      tags: tag,
      agentId: agent,
      limit,
    });
    return { ...found, items: found.items.map(knowledgeItem) };
  },
});

export const listKnowledge: Operation = operation({
  name: "know ls",
  summary: "list knowledge, newest first",
  access: "read",
  params: {
    category: { ...categoryFlag, letter: "c" },
    tag: tagFlag,
    agent: agentFlag,
    history: historyFlag,
    limit: limitFlag,
    after: pageFlag,
  },
  async run(loci, input): Promise<Page<KnowledgeItem>> {
    const { category, tag, agent, history, limit, after } = input;
    const page = await loci.knowledge.list({ category, tags: tag, agentId: agent, history, limit, after });
    return { items: page.items.map(knowledgeItem), next: page.next };
  },
});

export const showKnowledge: Operation = operation({
  name: "know show",
  summary: "show an entry of knowledge, whole",
  access: "read",
  params: { id: idParam },
  async run(loci, { id }): Promise<KnowledgeAnswer> {
    return { entry: knowledgeItem(await loci.knowledge.resolve(id)) };
  },
});

export const removeKnowledge: Operation = operation({
  name: "know rm",
  summary: "take an entry of knowledge away",
  access: "write",
  params: { id: idParam },
  async run(loci, input): Promise<Removed> {
    const { id } = await loci.knowledge.resolve(input.id);
    await loci.knowledge.remove(id);
    return { removed: id };
  },
});

export interface ExportedKnowledge {
  readonly items: readonly KnowledgeItem[];
}

export const exportKnowledge: Operation = operation({
  name: "know export",
  summary: "all knowledge, as a file to keep, to read or to bring in elsewhere",
  access: "read",
  params: {
    category: { ...categoryFlag, letter: "c" },
    tag: tagFlag,
    agent: agentFlag,
    history: historyFlag,
  },
  async run(loci, { category, tag, agent, history }): Promise<ExportedKnowledge> {
    const items: KnowledgeItem[] = [];
    let after: string | undefined;
    do {
      const query = { category, tags: tag, agentId: agent, history, limit: 1_000, after };
      const page = await loci.knowledge.list(query);
      items.push(...page.items.map(knowledgeItem));
      after = page.next ?? undefined;
    } while (after !== undefined);
    // The oldest first, as they came.
    return { items: items.reverse() };
  },
});

export interface BroughtKnowledge {
  /** Entries in the file. */
  readonly entries: number;
  /** Of them so many are new. */
  readonly added: number;
}

export const importKnowledge: Operation = operation({
  name: "know import",
  summary: "bring in what know export wrote",
  access: "write",
  params: {
    entries: {
      kind: "string",
      positional: true,
      summary: "JSON: a list of entries, an answer with items, or an entry a line",
    },
  },
  async run(loci, { entries }, context): Promise<BroughtKnowledge> {
    const reader = createLociReader(context.now());
    const rows = entriesOf(entries ?? "").map((entry, at): Knowledge => {
      const said = typeof entry === "object" && entry !== null ? { ...entry, kind: "knowledge" } : entry;
      const line = reader.read(JSON.stringify(said));
      if ("row" in line && line.kind === "knowledge") return line.row;
      const problem = "problem" in line ? line.problem : "This is no entry of knowledge.";
      throw new LociError("invalid", `Entry ${at + 1}: ${problem} Nothing was brought in.`);
    });
    let added = 0;
    for (let at = 0; at < rows.length; at += 500) {
      const some = { memory: [], knowledge: rows.slice(at, at + 500), checkpoint: [] };
      added += (await bring(loci.engine, some)).knowledge;
    }
    return { entries: rows.length, added };
  },
});

function entriesOf(text: string): unknown[] {
  if (text.trim() === "") {
    throw new LociError("invalid", "There are no entries to bring in.", {
      next: "loci know import --file PATH",
    });
  }
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return value;
    if (typeof value === "object" && value !== null && "items" in value && Array.isArray(value.items)) {
      return value.items;
    }
    return [value];
  } catch {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    return lines.map((line, at) => jsonValue(`Line ${at + 1}`, line));
  }
}
