import type { RowVersion } from "../../model/sync.ts";
import { canonicalValue } from "./canonical.ts";
import type { Fields, SyncTable } from "../tables.ts";

/** What is known of one row: its clocks, and its synced fields while it lives. */
export interface State {
  readonly version: Stamp;
  readonly row: Fields | null;
}

export type Stamp = Pick<RowVersion, "born" | "clock" | "clocks" | "removed">;

export interface Clash {
  readonly field: string;
  readonly kept: string;
  readonly lost: string;
  readonly lostValue: unknown;
  readonly winner: "mine" | "theirs";
}

export interface Merged {
  readonly state: State;
  /** The fields whose value is theirs and not mine. */
  readonly theirs: readonly string[];
  /** Nothing of mine has to change; nothing of theirs would have to. */
  readonly isMine: boolean;
  readonly isTheirs: boolean;
  /** Fields in which both have a value of their own, with different clocks. */
  readonly clashes: readonly Clash[];
}

/** Whose value stands where two differ under one clock: a store that was copied gives out the same clocks twice. */
export type Tie = (clock: string) => "mine" | "theirs" | undefined;

export function lives({ born, removed }: Stamp): boolean {
  return removed === null || born > removed;
}

export function clockOf({ born, clocks }: Stamp, field: string): string {
  return clocks?.[field] ?? born;
}

/**
 * The row that both stores come to, whichever merges, in whatever order, however often. By field, the later value stands.
 * A row that was removed comes back by a later insert only: an update that did not know is not enough.
 */
export function merge(table: SyncTable, pair: { mine: State; theirs: State }, tie?: Tie): Merged {
  const { mine, theirs } = pair;
  const born = later(mine.version.born, theirs.version.born);
  const removed = laterOf(mine.version.removed, theirs.version.removed);
  const clock = later(mine.version.clock, theirs.version.clock);
  if (!lives({ born, removed, clock, clocks: null })) {
    return verdict(
      pair,
      { version: { born, removed, clock, clocks: null }, row: null },
      { theirs: [], clashes: [] },
    );
  }
  const chosen = table.fields.map((field) => choose({ table, field, tie }, mine, theirs));
  const clocks = Object.fromEntries(
    chosen.flatMap((one) => (one.clock > born ? [[one.field, one.clock]] : [])),
  );
  const version = { born, removed, clock, clocks: Object.keys(clocks).length > 0 ? clocks : null };
  // A store that lost the row under a version that says it lives has no value to give.
  const row =
    mine.row === null && theirs.row === null
      ? null
      : Object.fromEntries(chosen.map((one) => [one.field, one.value]));
  return verdict(
    pair,
    { version, row },
    {
      theirs: chosen.filter((one) => one.from === "theirs").map((one) => one.field),
      clashes: chosen.flatMap((one) => (one.clash ? [one.clash] : [])),
    },
  );
}

interface Chosen {
  readonly field: string;
  readonly value: unknown;
  readonly clock: string;
  readonly from: "mine" | "theirs" | "both";
  readonly clash?: Clash;
}

interface Choosing {
  readonly table: SyncTable;
  readonly field: string;
  readonly tie: Tie | undefined;
}

function choose({ table, field, tie }: Choosing, mine: State, theirs: State): Chosen {
  // A row that is dead on one side, while both together make it live, has nothing to say.
  if (theirs.row === null || !lives(theirs.version)) {
    return { field, value: mine.row?.[field] ?? null, clock: clockOf(mine.version, field), from: "mine" };
  }
  const a = { value: mine.row?.[field] ?? null, clock: clockOf(mine.version, field) };
  const b = { value: theirs.row[field] ?? null, clock: clockOf(theirs.version, field) };
  if (mine.row === null || !lives(mine.version)) return { field, ...b, from: "theirs" };
  const { kind } = table.collection.fields[field] ?? {};
  const texts = { a: canonicalValue(kind, a.value), b: canonicalValue(kind, b.value) };
  if (texts.a === texts.b) return { field, value: a.value, clock: later(a.clock, b.clock), from: "both" };
  if (a.clock === b.clock) {
    const winner = tie?.(a.clock) ?? (texts.a > texts.b ? "mine" : "theirs");
    return { field, ...(winner === "mine" ? a : b), from: winner };
  }
  const winner = a.clock > b.clock ? "mine" : "theirs";
  const [kept, lost] = winner === "mine" ? [a, b] : [b, a];
  return {
    field,
    ...kept,
    from: winner,
    clash: { field, kept: kept.clock, lost: lost.clock, lostValue: lost.value, winner },
  };
}

function verdict(
  { mine, theirs }: { mine: State; theirs: State },
  state: State,
  { theirs: fields, clashes }: Pick<Merged, "theirs" | "clashes">,
): Merged {
  const living = state.row !== null;
  const taken = new Set(fields);
  return {
    state,
    theirs: fields,
    clashes,
    isMine: sameStamp(state.version, mine.version) && fields.length === 0 && (mine.row !== null) === living,
    isTheirs:
      sameStamp(state.version, theirs.version) &&
      (theirs.row !== null) === living &&
      (!living ||
        Object.entries(state.row ?? {}).every(
          ([name, value]) => taken.has(name) || isSame(value, theirs.row?.[name]),
        )),
  };
}

/** Between two values of one field: their kind makes no difference then. */
function isSame(one: unknown, other: unknown): boolean {
  return one === other || canonicalValue("payload", one) === canonicalValue("payload", other);
}

export function sameStamp(one: Stamp, other: Stamp): boolean {
  if (one.born !== other.born || one.clock !== other.clock || one.removed !== other.removed) return false;
  const [a, b] = [Object.entries(one.clocks ?? {}), other.clocks ?? {}];
  return a.length === Object.keys(b).length && a.every(([field, clock]) => b[field] === clock);
}

/** The other has heard of no change that is not in this one. */
export function covers(one: Stamp, other: Stamp): boolean {
  if (other.born > one.born || (other.removed ?? "") > (one.removed ?? "")) return false;
  if (!lives(one)) return true;
  return Object.keys(other.clocks ?? {}).every((field) => clockOf(other, field) <= clockOf(one, field));
}

function later(one: string, other: string): string {
  return one > other ? one : other;
}

function laterOf(one: string | null, other: string | null): string | null {
  return one === null || other === null ? (one ?? other) : later(one, other);
}
