import type { AnyCollection } from "../../model/collection.ts";
import { type Checkpoint, checkpoints } from "../../model/checkpoint.ts";
import { type Knowledge, knowledge } from "../../model/knowledge.ts";
import { type AgentMemory, agentMemory } from "../../model/memory.ts";
import { type JsonObject, momentOf } from "./claude-code/line.ts";

/** What agents keep, beside what was recorded: kinds of the interchange format too. */
export type KeptLine =
  | { readonly kind: "memory"; readonly row: AgentMemory }
  | { readonly kind: "knowledge"; readonly row: Knowledge }
  | { readonly kind: "checkpoint"; readonly row: Checkpoint };

export type KeptKind = KeptLine["kind"];

export const keptKinds: readonly KeptKind[] = ["memory", "knowledge", "checkpoint"];

export const keptCollections: Readonly<Record<KeptKind, AnyCollection>> = {
  memory: agentMemory,
  knowledge,
  checkpoint: checkpoints,
};

export const keptRequired: Readonly<Record<KeptKind, readonly string[]>> = {
  memory: ["agentId", "decisionType"],
  knowledge: ["topic", "content"],
  checkpoint: [],
};

const defaults: Readonly<Record<KeptKind, JsonObject>> = {
  memory: { scope: "agent" },
  knowledge: { category: "general", tags: [], uses: 0 },
  checkpoint: { type: "checkpoint" },
};

/** A row of a line whose fields were looked at: moments as milliseconds, what is left out as it would be by default. */
export function keptLine(
  kind: KeptKind,
  line: JsonObject,
  { id, at }: { readonly id: string; readonly at: number },
): KeptLine {
  const row: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(keptCollections[kind].fields)) {
    const value = line[name] ?? defaults[kind][name] ?? null;
    row[name] = field.kind === "time" ? (momentOf(value) ?? null) : value;
  }
  row["id"] = id;
  row["createdAt"] ??= at;
  if (kind === "knowledge") row["updatedAt"] ??= row["createdAt"];
  // Every field was looked at before; the compiler cannot follow the table.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { kind, row } as unknown as KeptLine;
}
