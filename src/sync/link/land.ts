import type { Change, Engine, Feed } from "../../engine/engine.ts";
import type { Applied, Finding } from "../../engine/feed.ts";
import { LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import { type RowVersion, syncVersions } from "../../model/sync.ts";
import type { Clash, Tie } from "./merge.ts";
import { givePlaces } from "./places.ts";
import {
  byVersion,
  changesOf,
  compare,
  type Incoming,
  type Mismatch,
  type Planned,
  type Planning,
  planRow,
  type Standing,
} from "./plan.ts";
import { type Fields, type SyncTable } from "../tables.ts";

/** An engine that can take part. */
export type SyncEngine = Engine & { readonly feed: Feed };

/** Where rows of another store are brought in. */
export interface Ground extends Omit<Planning, "tie"> {
  readonly engine: SyncEngine;
  readonly now: () => Millis;
  readonly moves: "incoming" | "standing";
  /** Written in the same step: first what the step stands or falls with, then what follows from the rows. */
  readonly beside: (
    planned: readonly Planned[],
  ) => Promise<{ first: readonly Change[]; after: readonly Change[] }>;
  /** Called when they are written. */
  readonly landed?: () => void;
  /** Called before another try: throws where there is to be none. */
  readonly again: () => Promise<void>;
}

export interface Landed {
  /** Rows that were written, and of those the ones that became other than they came. */
  readonly written: number;
  readonly merged: number;
  readonly clashes: ReadonlyArray<Clash & { readonly planned: Planned }>;
  readonly mismatches: readonly Mismatch[];
}

/** Whoever writes to the same rows is faster so many times; then somebody should look. */
const tries = 20;

/**
 * Brings rows in, all or none, reads them back and compares. `isNew` says that none of them is there, as far as anybody
 * knows: they go over without a question, and only where that fails is looked at what stands there.
 */
export async function land(
  ground: Ground,
  incoming: readonly Incoming[],
  { isNew = false, tie }: { readonly isNew?: boolean; readonly tie?: Tie | undefined } = {},
): Promise<Landed> {
  if (isNew) {
    const nothing = { version: undefined, row: undefined };
    const planned = incoming.map((one) => planRow(one, nothing, ground));
    const landed = await write(ground, planned);
    if (landed !== undefined) return landed;
    await ground.again();
  }
  for (let left = tries; left > 0; left--) {
    const before = await look(ground.engine, incoming);
    const plans = incoming.map((one) =>
      planRow(one, before.get(one.version.id) ?? { version: undefined, row: undefined }, { ...ground, tie }),
    );
    const planned = await givePlaces(plans, { ...ground, now: ground.now() });
    const landed = await writeAgain(ground, planned, left > tries - 3);
    if (landed !== undefined) return landed;
    await ground.again();
  }
  throw new LociError("busy", `Rows of ${ground.engine.place} were changed by others again and again.`, {
    where: ground.engine.place,
    next: "Sync again",
  });
}

/** What stands there of these rows: versions and rows as of one moment. */
async function look(engine: SyncEngine, incoming: readonly Incoming[]): Promise<Map<string, Standing>> {
  const tables = [...new Set(incoming.map(({ table }) => table))];
  const ids = incoming.map(({ version }) => version.id);
  const finds = tables.map((table) => findingOf(table, incoming));
  const { found } = await engine.feed.apply([], [{ from: syncVersions, keys: ids }, ...finds]);
  const [versions = [], ...rows] = found;
  const standing = new Map<string, Standing>();
  for (const [place, table] of tables.entries()) {
    for (const [id, row] of byVersion(table, rows[place] ?? []))
      standing.set(id, { version: undefined, row });
  }
  for (const version of versions) {
    // The collection's own rows, erased by a finding of any.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const one = version as unknown as RowVersion;
    standing.set(one.id, { version: one, row: standing.get(one.id)?.row });
  }
  return standing;
}

function findingOf(table: SyncTable, incoming: readonly Incoming[]): Finding {
  const own = incoming.filter((one) => one.table === table);
  return { from: table.collection, keys: own.map(({ version }) => version.rowKey) };
}

/** Two rows may want one place in the moment between the look and the write: then another look helps. */
async function writeAgain(
  ground: Ground,
  planned: readonly Planned[],
  isEarly: boolean,
): Promise<Landed | undefined> {
  try {
    return await write(ground, planned);
  } catch (error) {
    const contended = planned.some(({ table }) => table.collection.unique.length > 0);
    if (isEarly && contended && error instanceof LociError && error.code === "invalid") return undefined;
    throw error;
  }
}

/** Undefined: something was not as it was read, and nothing was done. */
async function write(ground: Ground, planned: readonly Planned[]): Promise<Landed | undefined> {
  const open = planned.filter((one) => !one.isSame);
  const { first, after } = await ground.beside(planned);
  const changes = [...first, ...changesOf(planned), ...after];
  const mismatches: Mismatch[] = [];
  if (changes.length > 0) {
    const tables = [...new Set(open.map(({ table }) => table))];
    const finds = tables.map((table) => ({
      from: table.collection,
      keys: open.filter((one) => one.table === table).map(({ key }) => key),
    }));
    const applied = await ground.engine.feed.apply(changes, finds);
    if (applied.counts.every((count) => count === 0)) return undefined;
    ground.landed?.();
    mismatches.push(...compare(open, readBack(tables, applied)));
  }
  return {
    written: open.length,
    merged: open.filter(({ via }) => via === null).length,
    clashes: planned.flatMap((one) => one.clashes.map((clash) => ({ ...clash, planned: one }))),
    mismatches,
  };
}

function readBack(tables: readonly SyncTable[], { found }: Applied): Map<string, Fields> {
  return new Map(tables.flatMap((table, place) => byVersion(table, found[place] ?? [])));
}
