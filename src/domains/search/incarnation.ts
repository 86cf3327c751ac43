import { type Engine, insert, remove, update } from "../../engine/engine.ts";
import { newId, stableId } from "../../model/id.ts";
import { messages } from "../../model/message.ts";
import {
  type PendingSearch,
  pendingSearch,
  searchBlocks,
  searchSegments,
  searchState,
  storeMark,
} from "../../model/search.ts";
import { toolExecutions } from "../../model/tool-execution.ts";
import { formatVersion } from "./layout.ts";
import { setState } from "./write.ts";

/** Who begins the index anew has it for so long; the others go on with what is there. */
const lease = 60_000;
const batch = 1000;

interface StoreName {
  readonly name: string;
  /** It had none: no index was ever made of it, and all its messages are still on the to-do list. */
  readonly isNew: boolean;
}

/** The store's name for itself, which its index repeats. Made when first asked for. */
async function nameOfStore(store: Engine): Promise<StoreName> {
  const where = { id: storeMark };
  const [known] = await store.find(pendingSearch, { where });
  if (known) return { name: known.sessionId, isNew: false };
  const mark = { id: storeMark, sessionId: newId(), first: 0, last: 0, count: 0, claimedUntil: 0 };
  const [inserted] = await store.write([insert(pendingSearch, [mark])]);
  const [made] = await store.find(pendingSearch, { where });
  return { name: made?.sessionId ?? mark.sessionId, isNew: inserted === 1 };
}

/** Whether the index is of this format and of this store. */
async function isOurs(index: Engine, name: string): Promise<boolean> {
  const rows = await index.find(searchState, { where: { id: { anyOf: ["format", "store"] } } });
  const state = new Map(rows.map(({ id, value }) => [id, value]));
  return state.get("format") === formatVersion && state.get("store") === name;
}

/** Puts every session of the store on the to-do list. */
async function queueAll(store: Engine, round: string): Promise<number> {
  const spans = await store.rollup(messages, {
    by: ["sessionId"],
    measures: { first: { min: "sequence" }, last: { max: "sequence" }, count: "count" },
  });
  const strays = await store.rollup(toolExecutions, {
    by: ["sessionId"],
    where: { messageId: null, resultMessageId: null },
    measures: { count: "count" },
  });
  type Span = Pick<PendingSearch, "first" | "last" | "count">;
  const row = (sessionId: string, { first, last, count }: Span): PendingSearch => ({
    id: stableId(0, "rebuild", round, sessionId, String(first === 0)),
    sessionId,
    first,
    last,
    count,
    claimedUntil: 0,
  });
  const rows = [
    ...spans.map(({ sessionId, first, last, count }) =>
      row(sessionId, { first: first ?? 1, last: last ?? 1, count: count ?? 0 }),
    ),
    ...strays.map(({ sessionId, count }) => row(sessionId, { first: 0, last: 0, count: count ?? 0 })),
  ];
  for (let from = 0; from < rows.length; from += batch) {
    await store.write([insert(pendingSearch, rows.slice(from, from + batch))]);
  }
  return rows.reduce((sum, { count }) => sum + count, 0);
}

/** Puts all that the store has on the to-do list, in the place of what is on it. */
async function listAll(store: Engine, now: number): Promise<void> {
  const isFree = { claimedUntil: { upTo: now } };
  const old = await store.find(pendingSearch, { where: isFree, fields: ["id"] });
  await queueAll(store, newId());
  // What was on the list is in the spans of its session too.
  for (let from = 0; from < old.length; from += batch) {
    const anyOf = old.slice(from, from + batch).flatMap(({ id }) => (id === storeMark ? [] : [id]));
    if (anyOf.length > 0) await store.write([remove(pendingSearch, { id: { anyOf }, ...isFree })]);
  }
}

interface Beginning extends StoreName {
  readonly now: number;
}

/** Empties the index and lists what is to be done; one process at a time. */
async function beginAnew(store: Engine, index: Engine, { now, name, isNew }: Beginning): Promise<void> {
  const where = { id: storeMark, claimedUntil: { upTo: now } };
  const taken = await store.take(pendingSearch, { where, limit: 1 }, { claimedUntil: now + lease });
  if (taken.length === 0) return;
  try {
    await index.write([
      remove(searchState, {}),
      remove(searchSegments, {}),
      remove(searchBlocks, {}),
      ...setState("generation", newId()),
    ]);
    if (!isNew) await listAll(store, now);
    await index.write([...setState("format", formatVersion), ...setState("store", name)]);
  } finally {
    await store.write([update(pendingSearch, { id: storeMark }, { claimedUntil: 0 })]);
  }
}

/**
 * Makes sure that the index is of this format and belongs to this store; one that is missing, old or another store's is
 * begun anew. `force` begins it anew in any case.
 */
export async function ensureIndex(
  store: Engine,
  index: Engine,
  options: { readonly now: number; readonly force?: boolean },
): Promise<void> {
  const { now, force = false } = options;
  const own = await nameOfStore(store);
  if (!force && (await isOurs(index, own.name))) return;
  await beginAnew(store, index, { now, name: own.name, isNew: own.isNew && !force });
}
