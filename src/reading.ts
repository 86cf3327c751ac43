import { createKnowledge } from "./domains/knowledge.ts";
import { createMemory } from "./domains/memory.ts";
import { createSessions } from "./domains/sessions.ts";
import type { Loci } from "./open.ts";
import { openStore, type OpenStoreOptions } from "./store.ts";

/** As much of an open store as is read before an agent begins: the agent waits for whatever is loaded beyond it. */
export type Reading = Pick<Loci, "sessions" | "memory" | "knowledge" | "close">;

/** Opens a store in this thread, only to read what was kept in it. */
export async function openReading(url: string, options: OpenStoreOptions): Promise<Reading> {
  const { engine, close } = await openStore(url, { ...options, inThread: true, queries: false });
  return {
    sessions: createSessions(engine),
    memory: createMemory(engine, { now: Date.now }),
    knowledge: createKnowledge(engine, { now: Date.now }),
    close,
  };
}
