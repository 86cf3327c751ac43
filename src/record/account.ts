import { hostname } from "node:os";
import { type Change, type Engine, insert, update } from "../engine/engine.ts";
import { momentOfId } from "../model/id.ts";
import { type LedgerEntry, ledger } from "../model/ledger.ts";
import type { Owner } from "./owner.ts";
import type { SpoolBatch } from "./spool.ts";

/** How many were dropped for which reason. */
export type Reasons = Readonly<Record<string, number>>;

/** What the recorder itself knows: it is not in the spool when the last of it was dropped. */
export interface Told {
  readonly noted: number;
  readonly dropped: number;
  readonly reasons: Reasons;
}

/** Where one recorder's happenings are, while its spool is read. */
export interface Account {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAt: number;
  /** The rank of the last line that was dealt with; null before the first of a recorder that was found. */
  readonly rank: number | null;
  /** Lines up to this rank stand in the store already. */
  readonly known: number;
  /** Lines that were in the spool and are not in the store: damaged, or refused. */
  readonly lost: Reasons;
  readonly told: Told;
}

export const damagedInSpool = "damaged in the spool";
export const refusedByStore = "refused by the store";

export function newAccount(id: string, owner: Owner): Account {
  const told = { noted: 0, dropped: 0, reasons: {} };
  return {
    id,
    host: hostname(),
    pid: owner.pid,
    startedAt: momentOfId(id),
    rank: 0,
    known: 0,
    lost: {},
    told,
  };
}

/** The account of a recorder that is no more, from what it told the store. */
export async function foundAccount(engine: Engine, id: string, owner: Owner): Promise<Account> {
  const [row] = await engine.find(ledger, { where: { id }, limit: 1 });
  const fresh = { ...newAccount(id, owner), rank: null };
  if (row === undefined) return fresh;
  const { [damagedInSpool]: damaged = 0, [refusedByStore]: refused = 0, ...reasons } = asReasons(row.reasons);
  return {
    ...fresh,
    host: row.host,
    pid: row.pid,
    startedAt: row.startedAt,
    // The row was written with, or right after, the lines it counts.
    known: row.written + damaged + refused,
    lost: {
      ...(damaged > 0 && { [damagedInSpool]: damaged }),
      ...(refused > 0 && { [refusedByStore]: refused }),
    },
    told: { noted: row.noted, dropped: row.dropped - damaged - refused, reasons },
  };
}

/** The account once these lines are dealt with. */
export function afterBatch(account: Account, { lines, damaged }: SpoolBatch): Account {
  let rank = account.rank;
  let { noted, dropped } = account.told;
  let lost = 0;
  for (const line of lines) {
    const own = line.number - line.dropped;
    // Of a recorder that was found, lines before the known ones may be gone: they are in the store.
    const before = rank ?? (account.known > 0 ? account.known : own - 1);
    if (own > before + 1 && own > account.known) lost += own - before - 1;
    rank = own;
    noted = Math.max(noted, line.number);
    dropped = Math.max(dropped, line.dropped);
  }
  // Lines that cannot be read at the end of what is there now: the next line's rank would tell, if one comes.
  const untold = lines.length === 0 ? damaged : 0;
  if (untold > 0) {
    rank = (rank ?? 0) + untold;
    noted = Math.max(noted, rank + dropped);
  }
  return {
    ...account,
    rank,
    told: { ...account.told, noted, dropped },
    lost: lost + untold === 0 ? account.lost : added(account.lost, damagedInSpool, lost + untold),
  };
}

export function withLost(account: Account, reason: string, count: number): Account {
  return { ...account, lost: added(account.lost, reason, count) };
}

export function lostOf({ lost }: Account): number {
  return sum(lost);
}

export function writtenOf(account: Account): number {
  return Math.max(0, (account.rank ?? 0) - lostOf(account));
}

/** Sets the recorder's row. `ended`: nothing of it is in the spool any more. */
export function accountChanges(account: Account, now: number, ended = false): Change[] {
  const { id, host, pid, startedAt, told } = account;
  const dropped = told.dropped + lostOf(account);
  const known = sum(told.reasons);
  const numbers = {
    noted: told.noted,
    written: ended ? told.noted - dropped : writtenOf(account),
    dropped,
    reasons: {
      ...told.reasons,
      // The process ended before it could say why.
      ...(told.dropped > known && { unknown: told.dropped - known }),
      ...account.lost,
    },
    updatedAt: now,
  };
  const row: LedgerEntry = { id, host, pid, startedAt, ...numbers };
  return [insert(ledger, [row]), update(ledger, { id }, numbers)];
}

export function added(reasons: Reasons, reason: string, count: number): Reasons {
  return { ...reasons, [reason]: (reasons[reason] ?? 0) + count };
}

export function asReasons(value: unknown): Reasons {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter((entry) => typeof entry[1] === "number"));
}

function sum(reasons: Reasons): number {
  return Object.values(reasons).reduce((total, count) => total + count, 0);
}
