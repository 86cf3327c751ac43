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

/** The store's name for itself, which its index repeats. Made when first asked for. */
async function nameOfStore(store: Engine): Promise<string> {
  const where = { id: storeMark };
  const [known] = await store.find(pendingSearch, { where });
  if (known) return known.sessionId;
  const mark = { id: storeMark, sessionId: newId(), first: 0, last: 0, count: 0, claimedUntil: 0 };
  await store.write([insert(pendingSearch, [mark])]);
  const [made] = await store.find(pendingSearch, { where });
  return made?.sessionId ?? mark.sessionId;
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
  const row = (sessionId: string, first: number, last: number, count: number): PendingSearch => ({
    id: stableId(0, "rebuild", round, sessionId, String(first === 0)),
    sessionId,
    first,
    last,
    count,
    claimedUntil: 0,
  });
  const rows = [
    ...spans.map(({ sessionId, first, last, count }) => row(sessionId, first ?? 1, last ?? 1, count ?? 0)),
    ...strays.map(({ sessionId, count }) => row(sessionId, 0, 0, count ?? 0)),
  ];
  for (let from = 0; from < rows.length; from += batch) {
    await store.write([insert(pendingSearch, rows.slice(from, from + batch))]);
  }
  return rows.reduce((sum, { count }) => sum + count, 0);
}

/** Empties the index and lists everything as still to be done; one process at a time. False where another is at it. */
async function beginAnew(
  store: Engine,
  index: Engine,
  options: { now: number; name: string },
): Promise<boolean> {
  const { now, name } = options;
  const where = { id: storeMark, claimedUntil: { upTo: now } };
  const taken = await store.take(pendingSearch, { where, limit: 1 }, { claimedUntil: now + lease });
  if (taken.length === 0) return false;
  try {
    await index.write([
      remove(searchState, {}),
      remove(searchSegments, {}),
      remove(searchBlocks, {}),
      ...setState("generation", newId()),
    ]);
    // What was on the list already is in the spans of its session too.
    const old = await store.find(pendingSearch, { where: { claimedUntil: { upTo: now } }, fields: ["id"] });
    await queueAll(store, newId());
    for (let from = 0; from < old.length; from += batch) {
      const anyOf = old.slice(from, from + batch).flatMap(({ id }) => (id === storeMark ? [] : [id]));
      if (anyOf.length > 0)
        await store.write([remove(pendingSearch, { id: { anyOf }, claimedUntil: { upTo: now } })]);
    }
    await index.write([...setState("format", formatVersion), ...setState("store", name)]);
    return true;
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
  const name = await nameOfStore(store);
  if (!force && (await isOurs(index, name))) return;
  await beginAnew(store, index, { now, name });
}
