import type { Ingest } from "../domains/ingest.ts";
import type { Change, Engine } from "../engine/engine.ts";
import { errorCode } from "../errors.ts";
import { type Account, accountChanges, refusedByStore, withLost } from "./account.ts";
import type { SpoolLine } from "./spool.ts";

/** A store as a drain needs it. */
export interface DrainStore {
  readonly engine: Engine;
  readonly ingest: Ingest;
  /** What was written is safe from a power loss once this resolves. */
  readonly durable: () => Promise<void>;
  /** False when another file stands in its place by now. */
  readonly current: () => boolean;
  /** Where a damaged store was put, when this one was begun in its place. */
  readonly aside?: string;
  readonly close: () => Promise<void>;
}

/** One write: large enough that its fixed cost is small, small enough that other writers get their turn. */
export const batchLimits: { readonly lines: number; readonly bytes: number } = {
  lines: 500,
  bytes: 1024 * 1024,
};

export interface WriteLines {
  /** The account once the lines stand. */
  readonly account: Account;
  readonly lines: readonly SpoolLine[];
  /** Sessions to settle: added to. */
  readonly touched: Set<string>;
  readonly now: () => number;
  /** Their recorder is no more. */
  readonly late: boolean;
}

/** Writes lines and the account of them in one step. One that the store refuses is counted, and holds up nobody. */
export async function writeLines(
  store: DrainStore,
  { account, lines, touched, now, late }: WriteLines,
): Promise<Account> {
  try {
    await write(store, lines, { touched, late, changes: accountChanges(account, now()) });
    return account;
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  let refused = 0;
  const oneByOne = async (some: readonly SpoolLine[]): Promise<void> => {
    try {
      await write(store, some, { touched, late, changes: [] });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (some.length === 1) refused++;
      else {
        const half = some.length >> 1;
        await oneByOne(some.slice(0, half));
        await oneByOne(some.slice(half));
      }
    }
  };
  await oneByOne(lines);
  const next = refused === 0 ? account : withLost(account, refusedByStore, refused);
  await store.engine.write(accountChanges(next, now()));
  return next;
}

async function write(
  { ingest, engine }: DrainStore,
  lines: readonly SpoolLine[],
  { touched, late, changes }: Pick<WriteLines, "touched" | "late"> & { readonly changes: readonly Change[] },
): Promise<void> {
  if (lines.length === 0) {
    if (changes.length > 0) await engine.write(changes);
    return;
  }
  const { sessions } = await ingest.write(
    lines.map((line) => line.happening),
    { changes, late },
  );
  for (const id of sessions) touched.add(id);
}

/** The rows are at fault, not the store: asking again would answer the same. */
function isRefusal(error: unknown): boolean {
  const code = errorCode(error);
  return (
    code === "invalid" || code === "too-large" || error instanceof TypeError || error instanceof RangeError
  );
}
