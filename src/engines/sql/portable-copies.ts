import { insert, remove, update } from "../../engine/engine.ts";
import { readPortable, writePortable } from "../../engine/portable.ts";
import type { AnyCollection } from "../../model/collection.ts";
import { newId } from "../../model/id.ts";
import { storeCollections, syncCollections } from "../../model/schema.ts";
import { pendingSearch, storeMark } from "../../model/search.ts";
import { newStoreId, syncSelf } from "../../model/sync.ts";
import type { SqlClient } from "./client.ts";
import type { Dialect } from "./dialect.ts";
import { createSqlEngine } from "./engine.ts";

/** What a copy may hold. */
export const copiedCollections: readonly AnyCollection[] = [...syncCollections, ...storeCollections];

/** Sync's, where it is on, come first: who writes those locks them first. */
export async function collectionsIn(client: SqlClient, dialect: Dialect): Promise<readonly AnyCollection[]> {
  const { rows } = await client.read(dialect.hasTable(syncSelf.name));
  return rows.length > 0 ? copiedCollections : storeCollections;
}

/** In a transaction that sees one moment. */
export async function copyOut(moment: SqlClient, dialect: Dialect, path: string): Promise<void> {
  await writePortable(createSqlEngine(moment, dialect), await collectionsIn(moment, dialect), path);
}

/** In a transaction while which nobody else writes. */
export async function copyIn(
  held: SqlClient,
  dialect: Dialect,
  { path, aside }: { readonly path: string; readonly aside: string },
): Promise<void> {
  const engine = createSqlEngine(held, dialect);
  const all = await collectionsIn(held, dialect);
  const isNoted = all.includes(syncSelf);
  const { quiet = [], loud = [] } = (isNoted && dialect.feed) || {};
  const empty = async (collections: readonly AnyCollection[]): Promise<void> => {
    for (const collection of collections) await engine.write([remove(collection as never, {})]);
  };
  await writePortable(engine, all, aside);
  if (isNoted) await empty(syncCollections);
  // The versions come from the copy, too.
  await held.write(quiet, { again: false });
  await empty(storeCollections);
  for await (const { of, rows } of readPortable(path, copiedCollections)) {
    if (all.includes(of)) await engine.write([insert(of as never, rows as never)]);
  }
  await held.write(loud, { again: false });
  // What it told after the copy was made is no more: for others it is another store by now.
  if (isNoted) await engine.write([update(syncSelf, {}, { store: newStoreId() })]);
  // The search index is another store's by now, and is made anew.
  await engine.write([update(pendingSearch, { id: storeMark }, { sessionId: newId() })]);
}
