import { type Engine, insert } from "../engine/engine.ts";
import { type Checkpoint, checkpoints } from "../model/checkpoint.ts";
import { type Knowledge, knowledge } from "../model/knowledge.ts";
import { type AgentMemory, agentMemory } from "../model/memory.ts";

/** What was kept elsewhere: whole rows, with their ids. */
export interface Kept {
  readonly memory: readonly AgentMemory[];
  readonly knowledge: readonly Knowledge[];
  readonly checkpoint: readonly Checkpoint[];
}

/**
 * Writes rows that were kept elsewhere, as they are; those whose ids are there already stay as they stand. Answers how
 * many are new. The index of knowledge finds them with the next search.
 */
export async function bring(
  engine: Engine,
  { memory, knowledge: entries, checkpoint }: Kept,
): Promise<{ readonly [Kind in keyof Kept]: number }> {
  const [decided = 0, known = 0, saved = 0] = await engine.write([
    insert(agentMemory, memory),
    insert(knowledge, entries),
    insert(checkpoints, checkpoint),
  ]);
  return { memory: decided, knowledge: known, checkpoint: saved };
}
