import { type Change, type Engine, guard, insert, remove, update } from "../engine/engine.ts";
import { LociError } from "../errors.ts";
import { blackboard, blackboardHistory, type BoardChange, type BoardEntry } from "../model/blackboard.ts";
import type { Millis } from "../model/collection.ts";
import { newId, stableId } from "../model/id.ts";
import { needed } from "./chain.ts";
import type { Clock } from "./clock.ts";
import { fromCursor, pageSize, toCursor } from "./cursor.ts";
import type { Page } from "./sessions.ts";

/** A value that is there. */
export type BoardValue = Pick<BoardEntry, "key" | "value" | "version" | "agentId" | "updatedAt">;

export interface BoardWrite {
  /** Who writes. */
  readonly agent?: string | undefined;
}

export interface BoardQuery {
  /** Only keys that begin so. */
  readonly prefix?: string | undefined;
  /** 1 to 1,000; 100 when left out. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

/** What became of a compare-and-set: `set` says whether it was done; `entry` is what stands there now. */
export interface BoardAnswer {
  readonly set: boolean;
  readonly entry: BoardValue | null;
  /** The version that stands there now, to try again with; 0 where the key never was. */
  readonly version: number;
}

/** Values that the agents of a swarm share, each with a version. */
export interface Blackboard {
  readonly get: (key: string) => Promise<BoardValue | null>;
  /** Over whatever stands there. */
  readonly set: (key: string, value: unknown, write?: BoardWrite) => Promise<BoardValue>;
  /**
   * Only where that version still stands there; 0 for a key that never was. Of several that compare with the same
   * version one sets.
   */
  readonly compareAndSet: (
    key: string,
    expectedVersion: number,
    change: BoardWrite & { readonly value: unknown },
  ) => Promise<BoardAnswer>;
  /** Makes the new value of the present one (null where there is none), and again of a newer one that came between. */
  readonly update: (
    key: string,
    make: (value: unknown) => unknown,
    write?: BoardWrite,
  ) => Promise<BoardValue>;
  /** False: there was nothing. */
  readonly remove: (key: string, write?: BoardWrite) => Promise<boolean>;
  /** Values by key. */
  readonly list: (query?: BoardQuery) => Promise<Page<BoardValue>>;
  /** What a value was, newest first, as far as it is kept: the last 1,000 versions. */
  readonly history: (key: string, query?: Omit<BoardQuery, "prefix">) => Promise<Page<BoardVersion>>;
}

export type BoardVersion = Pick<BoardChange, "version" | "value" | "agentId" | "at" | "removed">;

const kept = 1_000;
const tries = 1_000;

export function createBlackboard(
  engine: Engine,
  swarmId: string,
  { now }: { readonly now: Clock },
): Blackboard {
  const idOf = (key: string): string => stableId(0, "blackboard", swarmId, needed("The key", key));
  const read = async (key: string): Promise<BoardEntry | undefined> =>
    (await engine.find(blackboard, { where: { id: idOf(key) }, limit: 1 }))[0];

  /** Writes one version behind another; false where somebody else wrote it. */
  const write = async (key: string, before: BoardEntry | undefined, step: Step): Promise<boolean> => {
    const at = await now();
    const [done] = await engine.write(stepChanges({ swarmId, key, id: idOf(key), at }, before, step));
    return done === 1;
  };
  const repeat = async (key: string, make: (before: BoardEntry | undefined) => Step): Promise<BoardValue> => {
    for (let i = 0; i < tries; i++) {
      const before = await read(key);
      const step = make(before);
      if (!(await write(key, before, step))) continue;
      const { value, agentId } = step;
      return { key, value, version: (before?.version ?? 0) + 1, agentId, updatedAt: await now() };
    }
    throw new LociError("busy", `${key} was changed by others each of ${tries} times.`, {
      where: engine.place,
    });
  };

  return {
    get: async (key) => shown(await read(key)),
    set: (key, value, { agent = null } = {}) =>
      repeat(key, () => ({ value: given(value), agentId: agent, removed: false })),

    async compareAndSet(key, expectedVersion, { value, agent = null }) {
      const before = await read(key);
      const step = { value: given(value), agentId: agent, removed: false };
      const set = (before?.version ?? 0) === expectedVersion && (await write(key, before, step));
      const entry = await read(key);
      return { set, entry: shown(entry), version: entry?.version ?? 0 };
    },

    update: (key, make, { agent = null } = {}) =>
      repeat(key, (before) => ({
        value: given(make(shown(before)?.value ?? null)),
        agentId: agent,
        removed: false,
      })),

    async remove(key, { agent = null } = {}) {
      for (let i = 0; i < tries; i++) {
        const before = await read(key);
        if (shown(before) === null) return false;
        if (await write(key, before, { value: null, agentId: agent, removed: true })) return true;
      }
      return false;
    },

    list: (query = {}) => listBoard(engine, swarmId, query),
    history: (key, query = {}) => listHistory(engine, idOf(key), query),
  };
}

interface Step {
  readonly value: unknown;
  readonly agentId: string | null;
  readonly removed: boolean;
}

interface Spot {
  readonly swarmId: string;
  readonly key: string;
  readonly id: string;
  readonly at: Millis;
}

function stepChanges(
  { swarmId, key, id, at }: Spot,
  before: BoardEntry | undefined,
  { value, agentId, removed }: Step,
): Change[] {
  const version = (before?.version ?? 0) + 1;
  const now = { value, version, agentId, updatedAt: at, removedAt: removed ? at : null };
  const change: BoardChange = { id: newId(at), entryId: id, version, value, agentId, at, removed };
  return [
    before === undefined
      ? guard(insert(blackboard, [{ id, swarmId, key, ...now }]))
      : guard(update(blackboard, { id, version: before.version }, now)),
    insert(blackboardHistory, [change]),
    // Not with each step: it is a search in an index.
    ...(version % 100 === 0
      ? [remove(blackboardHistory, { entryId: id, version: { upTo: version - kept } })]
      : []),
  ];
}

function given(value: unknown): unknown {
  if (value !== undefined) return value;
  throw new LociError("invalid", "A value of the blackboard is any JSON value, not undefined.", {
    next: "To take it away, remove it.",
  });
}

function shown(entry: BoardEntry | undefined): BoardValue | null {
  if (entry === undefined || entry.removedAt !== null) return null;
  const { key, value, version, agentId, updatedAt } = entry;
  return { key, value, version, agentId, updatedAt };
}

async function listBoard(
  engine: Engine,
  swarmId: string,
  { prefix, limit = 100, after: cursor }: BoardQuery,
): Promise<Page<BoardValue>> {
  const size = pageSize(limit, 1_000);
  const [, place] = cursor === undefined ? [] : fromCursor(cursor);
  const [key, id] = place === undefined ? [] : place.split("\u001f");
  const rows = await engine.find(blackboard, {
    where: {
      swarmId,
      removedAt: null,
      ...(prefix === undefined || prefix === "" ? {} : { key: { startsWith: prefix } }),
    },
    orderBy: [["key", "up"]],
    limit: size + 1,
    ...(key === undefined || id === undefined ? {} : { after: { key, id } }),
  });
  const last = rows.length > size ? rows[size - 1] : undefined;
  return {
    items: rows.slice(0, size).flatMap((row) => shown(row) ?? []),
    next: last === undefined ? null : toCursor(0, `${last.key}\u001f${last.id}`),
  };
}

async function listHistory(
  engine: Engine,
  entryId: string,
  { limit = 100, after: cursor }: Omit<BoardQuery, "prefix">,
): Promise<Page<BoardVersion>> {
  const size = pageSize(limit, 1_000);
  const [version, id] = cursor === undefined ? [] : fromCursor(cursor);
  const rows = await engine.find(blackboardHistory, {
    where: { entryId },
    orderBy: [["version", "down"]],
    limit: size + 1,
    ...(version === undefined || id === undefined ? {} : { after: { version, id } }),
  });
  const last = rows.length > size ? rows[size - 1] : undefined;
  return {
    items: rows
      .slice(0, size)
      .map(({ version, value, agentId, at, removed }) => ({ version, value, agentId, at, removed })),
    next: last === undefined ? null : toCursor(last.version, last.id),
  };
}
