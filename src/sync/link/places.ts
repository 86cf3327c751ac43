import type { Engine } from "../../engine/engine.ts";
import type { AnyCollection, Millis } from "../../model/collection.ts";
import { knowledge } from "../../model/knowledge.ts";
import { agentMemory } from "../../model/memory.ts";
import { type Message, messages } from "../../model/message.ts";
import { type RowVersion, syncVersions } from "../../model/sync.ts";
import { lives } from "./merge.ts";
import { change, nextClock, patchOf, type Planned } from "./plan.ts";
import { type Fields, keyOf, type SyncTable, syncedFields, tableOf } from "../tables.ts";

export interface Placing {
  readonly engine: Engine;
  readonly store: string;
  readonly now: Millis;
  /** Who moves where two messages want one number of a session: what comes in, or what stands. */
  readonly moves: "incoming" | "standing";
}

/**
 * What no two rows may share, beside their key: a message's number in its session, and the entry that another one
 * supersedes. Rows of different stores meet here. Changes the plan, and answers it with the standing rows that have to move.
 */
export async function givePlaces(planned: readonly Planned[], placing: Placing): Promise<Planned[]> {
  const moved = [...(await giveNumbers(planned, placing)), ...(await giveSuperseded(planned, placing))];
  return [...planned, ...moved];
}

/** Rows whose place may be somebody else's: new ones, and those that change it. */
function wanting(planned: readonly Planned[], field: string): Planned[] {
  return planned.filter(
    (one) => !one.isSame && one.row !== null && (one.before.row === undefined || field in patchOf(one)),
  );
}

async function giveNumbers(planned: readonly Planned[], placing: Placing): Promise<Planned[]> {
  const ours = planned.filter(({ table }) => table.collection.name === messages.name);
  const moved: Planned[] = [];
  for (const [sessionId, some] of bySession(wanting(ours, "sequence"))) {
    moved.push(...(await numberSession(sessionId, { wanting: some, batch: ours }, placing)));
  }
  return moved;
}

function bySession(planned: readonly Planned[]): Map<string, Planned[]> {
  const groups = new Map<string, Planned[]>();
  for (const one of planned) {
    const sessionId = String(one.row?.["sessionId"]);
    groups.set(sessionId, [...(groups.get(sessionId) ?? []), one]);
  }
  return groups;
}

interface Numbering {
  readonly wanting: readonly Planned[];
  readonly batch: readonly Planned[];
}

async function numberSession(
  sessionId: string,
  { wanting: some, batch }: Numbering,
  { engine, store, now, moves }: Placing,
): Promise<Planned[]> {
  const numbers = some.map(({ row }) => numberOf(row));
  const holders = await engine.find(messages, { where: { sessionId, sequence: { anyOf: numbers } } });
  const mine = new Set(batch.map(({ key }) => key));
  const others = holders.filter(({ id }) => !mine.has(id));
  const settled = batch.filter((one) => !some.includes(one) && one.row?.["sessionId"] === sessionId);
  const taken = new Set(settled.map(({ row }) => numberOf(row)));
  if (moves === "incoming") for (const { sequence } of others) taken.add(sequence);
  const late = some.filter(({ row }) => {
    const number = numberOf(row);
    const isTaken = taken.has(number);
    taken.add(number);
    return isTaken;
  });
  const standing = moves === "standing" ? await plannedOf(engine, others) : [];
  if (late.length + standing.length === 0) return [];
  const [last] = await engine.find(messages, {
    where: { sessionId },
    orderBy: [["sequence", "down"]],
    limit: 1,
    fields: ["sequence"],
  });
  let next = Math.max(last?.sequence ?? 0, ...taken);
  for (const one of [...late, ...standing].sort(byNumber)) {
    const value = { field: "sequence", value: ++next };
    change(one, value, nextClock(one.stamp, store, now));
  }
  return standing;
}

function numberOf(row: Fields | null): number {
  return Number(row?.["sequence"]);
}

function byNumber(one: Planned, other: Planned): number {
  return numberOf(one.row) - numberOf(other.row) || (one.id < other.id ? -1 : 1);
}

/** Rows that stand, as rows of the plan. */
async function plannedOf(engine: Engine, rows: readonly Message[]): Promise<Planned[]> {
  const table = tableOf(messages.name);
  return rows.length === 0 || table === undefined
    ? []
    : standingOf(
        engine,
        table,
        rows.map((row) => ({ ...row })),
      );
}

async function standingOf(engine: Engine, table: SyncTable, rows: readonly Fields[]): Promise<Planned[]> {
  const { collection, session } = table;
  const idOf = (row: Fields): string => `${collection.name}/${keyOf(collection, row)}`;
  const found = await engine.find(syncVersions, { where: { id: { anyOf: rows.map(idOf) } } });
  const versions = new Map<string, RowVersion>(found.map((version) => [version.id, version]));
  return rows.flatMap((row): Planned[] => {
    const version = versions.get(idOf(row));
    if (version === undefined || !lives(version)) return [];
    const { born, clock, clocks, removed, via } = version;
    return [
      {
        table,
        key: keyOf(collection, row),
        id: idOf(row),
        sessionId: session === null ? null : String(row[session] ?? "") || null,
        before: { version, row },
        stamp: { born, clock, clocks, removed },
        row: syncedFields(table, row),
        via,
        isSame: true,
        clashes: [],
      },
    ];
  });
}

/** Those that supersede one of these. */
type Holders = (engine: Engine, ids: readonly string[]) => Promise<Fields[]>;

const superseding: ReadonlyArray<{ readonly collection: AnyCollection; readonly holders: Holders }> = [
  {
    collection: agentMemory,
    holders: async (engine, anyOf) =>
      (await engine.find(agentMemory, { where: { supersedes: { anyOf } } })).map((row) => ({ ...row })),
  },
  {
    collection: knowledge,
    holders: async (engine, anyOf) =>
      (await engine.find(knowledge, { where: { supersedes: { anyOf } } })).map((row) => ({ ...row })),
  },
];

/** Of two that supersede the same, the earlier born one goes on doing so; the other is kept beside it. */
async function giveSuperseded(
  planned: readonly Planned[],
  { engine, store, now }: Placing,
): Promise<Planned[]> {
  const moved: Planned[] = [];
  for (const { collection, holders: find } of superseding) {
    const table = tableOf(collection.name);
    const batch = planned.filter((one) => one.table === table);
    const some = wanting(batch, "supersedes").filter(({ row }) => row?.["supersedes"] !== null);
    if (table === undefined || some.length === 0) continue;
    const wanted = some.map(({ row }) => String(row?.["supersedes"]));
    const holders = await find(engine, wanted);
    const mine = new Set(batch.map(({ id }) => id));
    const standing = (await standingOf(engine, table, holders)).filter(({ id }) => !mine.has(id));
    const firsts = new Map<unknown, Planned>();
    const rivals = [...batch.filter(({ row }) => (row?.["supersedes"] ?? null) !== null), ...standing];
    for (const one of rivals.sort(byBirth)) {
      const first = firsts.get(one.row?.["supersedes"]);
      if (first === undefined) firsts.set(one.row?.["supersedes"], one);
      else change(one, { field: "supersedes", value: null }, nextClock(one.stamp, store, now));
    }
    moved.push(...standing.filter(({ isSame }) => !isSame));
  }
  return moved;
}

function byBirth(one: Planned, other: Planned): number {
  if (one.stamp.born !== other.stamp.born) return one.stamp.born < other.stamp.born ? -1 : 1;
  return one.id < other.id ? -1 : 1;
}
