import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createIngest } from "../../dist/domains/ingest.js";
import { createSearch, type Search, type SearchItem } from "../../dist/domains/search/search.js";
import type { Engine } from "../../dist/engine/engine.js";
import { createMemoryEngine } from "../../dist/engine/memory.js";
import { openLibsql } from "../../dist/engines/libsql/libsql.js";
import { createPostgresEngine } from "../../dist/engines/postgres/postgres.js";
import type { Happening } from "../../dist/model/happening.js";
import { searchSchema, storeSchema } from "../../dist/model/schema.js";

export const start: number = Date.UTC(2026, 0, 1);

export interface TestStore extends AsyncDisposable {
  readonly store: Engine;
  readonly index: Engine;
  readonly search: Search;
  write(happenings: readonly Happening[]): Promise<void>;
}

async function testStore(store: Engine, index: Engine, end: () => void): Promise<TestStore> {
  await store.prepare(storeSchema);
  await index.prepare(searchSchema);
  let clock = start;
  const now = (): number => ++clock;
  const ingest = createIngest(store, { now, costOf: () => null });
  return {
    store,
    index,
    search: createSearch({ store, index, now }),
    async write(happenings) {
      await ingest.write(happenings);
    },
    async [Symbol.asyncDispose]() {
      if (index !== store) await index.close();
      await store.close();
      end();
    },
  };
}

export async function memoryStore(): Promise<TestStore> {
  const engine = createMemoryEngine();
  return testStore(engine, engine, () => undefined);
}

/** A store's file and its index's file. */
export async function fileStore(folder?: string): Promise<TestStore> {
  const place = folder ?? mkdtempSync(join(tmpdir(), "loci-search-"));
  const store = await openLibsql(join(place, "loci.db"));
  const index = await openLibsql(join(place, "loci.search.db"));
  return testStore(store, index, () => {
    if (folder === undefined) rmSync(place, { recursive: true, force: true });
  });
}

export async function postgresStore(url: string): Promise<TestStore> {
  const engine = await createPostgresEngine(url, { max: 3 });
  return testStore(engine, engine, () => undefined);
}

/** Messages said one after the other in a session. */
export function said(sessionId: string, texts: readonly string[], first: number = 1): Happening[] {
  return texts.map((content, i) => ({
    kind: "message",
    id: `${sessionId}-${first + i}`,
    sessionId,
    sequence: first + i,
    role: (first + i) % 2 === 1 ? "user" : "assistant",
    content,
    createdAt: start + (first + i) * 1000,
  }));
}

export function session(id: string, more: object = {}): Happening {
  return { kind: "session", id, agentType: "claude-code", startedAt: start, ...more };
}

export function places(items: readonly SearchItem[]): string[] {
  return items.map((item) => `${item.sessionId}/${item.sequence}`);
}

/** What is compared between backends: all that a caller sees. */
export function shown(items: readonly SearchItem[]): string[] {
  return items.map((item) => JSON.stringify(item));
}
