import { errorCode, LociError } from "../errors.ts";
import { knowledge } from "../model/knowledge.ts";
import type { KnowledgeEntry } from "../domains/knowledge.ts";
import type { Loci } from "../open.ts";
import { type KnowledgeItem, knowledgeItem } from "./knowledge.ts";
import { type Operation, operation } from "./operation.ts";

/**
 * Knowledge by name, as programs keep it that store a value under a key: the key is the topic, the namespace the
 * category, and a new value supersedes the one before.
 */

export interface KeyedAnswer {
  readonly entry: KnowledgeItem | null;
}

export interface StoredValue {
  readonly entry: KnowledgeItem;
  /** False: the same value stood there. */
  readonly changed: boolean;
}

export interface RemovedKey {
  /** So many values: the current one and those it superseded. */
  readonly removed: number;
}

const key = { kind: "string", required: true, summary: "its name" } as const;
const namespace = { kind: "string", default: "default", summary: "where the name is one" } as const;

/** The rows of a key, the newest first. */
function rowsOf(
  loci: Loci,
  category: string,
  topic: string,
): Promise<ReadonlyArray<Pick<KnowledgeEntry, "id" | "supersedes">>> {
  return loci.engine.find(knowledge, { where: { category, topic }, fields: ["id", "supersedes"] });
}

async function currentOf(loci: Loci, category: string, topic: string): Promise<KnowledgeEntry | null> {
  const rows = await rowsOf(loci, category, topic);
  const older = new Set(rows.map(({ supersedes }) => supersedes));
  // Ids ascend: of two that nobody superseded, the later one counts.
  const [newest] = rows.filter(({ id }) => !older.has(id)).sort((a, b) => (a.id < b.id ? 1 : -1));
  return newest === undefined ? null : loci.knowledge.get(newest.id);
}

export const getValue: Operation = operation({
  name: "know get",
  summary: "the value of a key",
  access: "read",
  params: { key, namespace },
  async run(loci, input): Promise<KeyedAnswer> {
    const entry = await currentOf(loci, input.namespace, input.key);
    return { entry: entry === null ? null : knowledgeItem(entry) };
  },
});

export const setValue: Operation = operation({
  name: "know set",
  summary: "put a value under a key, in place of the one that stands there",
  access: "write",
  params: {
    key,
    namespace,
    value: { kind: "string", required: true, summary: "the value" },
    tag: { kind: "list", summary: "a tag" },
  },
  async run(loci, { key: topic, namespace: category, value, tag }): Promise<StoredValue> {
    // Another process may supersede the same entry in the same moment; then ours supersedes that one.
    for (let turn = 0; turn < 10; turn++) {
      const before = await currentOf(loci, category, topic);
      const same = before?.content === value && before.tags.join("\n") === tag.join("\n");
      if (before !== null && same) return { entry: knowledgeItem(before), changed: false };
      try {
        const given = { category, topic, content: value, tags: tag };
        const entry = await loci.knowledge.add({ ...given, supersedes: before?.id });
        return { entry: knowledgeItem(entry), changed: true };
      } catch (error) {
        if (errorCode(error) !== "invalid" || !/was superseded already/.test(String(error))) throw error;
      }
    }
    throw new LociError("busy", `The value of ${JSON.stringify(topic)} kept changing.`, {
      next: "Ask again.",
    });
  },
});

export const removeValue: Operation = operation({
  name: "know unset",
  summary: "take a key away, with the values it had",
  access: "write",
  params: { key, namespace },
  async run(loci, input): Promise<RemovedKey> {
    const rows = await rowsOf(loci, input.namespace, input.key);
    for (const { id } of rows) await loci.knowledge.remove(id);
    return { removed: rows.length };
  },
});
