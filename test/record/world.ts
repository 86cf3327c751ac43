import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openDrainStore } from "../../dist/drain-store.js";
import { type LedgerEntry, ledger } from "../../dist/model/ledger.js";
import { open } from "../../dist/index.js";
import { type Recovered, recoverLeftovers } from "../../dist/record/recovery.js";

/** A folder with a store and its spool, of one test. */
export interface World extends Disposable {
  readonly folder: string;
  readonly db: string;
  readonly spool: string;
}

export function world(parent: string = tmpdir()): World {
  const folder = mkdtempSync(join(parent, "loci-record-"));
  return {
    folder,
    db: join(folder, "loci.db"),
    spool: join(folder, "loci.spool"),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const script = fileURLToPath(new URL("./host.mjs", import.meta.url));

export interface Host {
  readonly process: ChildProcess;
  readonly recording: Promise<unknown>;
  readonly ended: Promise<{
    readonly code: number | null;
    readonly signal: string | null;
    readonly at: number;
  }>;
}

export function startHost({ folder }: World, args: object, flags: readonly string[] = []): Host {
  const child = spawn(process.execPath, [...flags, script, JSON.stringify({ folder, ...args })], {
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const ended = once(child, "exit").then(([code, signal]: unknown[]) => ({
    code: code as number | null,
    signal: signal as string | null,
    at: performance.now(),
  }));
  return { process: child, recording: Promise.race([once(child, "message"), ended]), ended };
}

/** How many happenings `record()` answered for. */
export function acknowledged({ folder }: World, session: string): number {
  return statSync(join(folder, `${session}.ack`), { throwIfNoEntry: false })?.size ?? 0;
}

export function tallyOf({ folder }: World, session: string): Record<string, number> {
  return JSON.parse(readFileSync(join(folder, `${session}.tally`), "utf8"));
}

/** Brings into the store what dead processes left, as the next process does. */
export async function recover({ db, spool }: World): Promise<Recovered> {
  const store = await openDrainStore(db);
  try {
    return await recoverLeftovers(store, { spool });
  } finally {
    await store.close();
  }
}

export interface Stored {
  /** The numbers that begin the messages, in sequence order. */
  readonly numbers: readonly number[];
  readonly sequences: readonly number[];
  readonly messageCount: number;
}

export async function stored({ db }: World, session: string): Promise<Stored> {
  await using loci = await open(db);
  const rows = await loci.sessions.messages(session);
  return {
    numbers: rows.map((row) => Number(/^\d+/.exec(row.content ?? "")?.[0])),
    sequences: rows.map((row) => row.sequence),
    messageCount: (await loci.sessions.get(session))?.messageCount ?? 0,
  };
}

export async function ledgerOf({ db }: World): Promise<LedgerEntry[]> {
  await using loci = await open(db);
  return loci.engine.find(ledger);
}

/** 1, 2, 3 … n. */
export function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, index) => index + 1);
}

export function spoolFiles({ spool }: World): string[] {
  try {
    return readdirSync(spool).filter((name) => name.endsWith(".spool"));
  } catch {
    return [];
  }
}

/** Waits for a condition, for as long as the test may run. */
export async function until(condition: () => boolean | Promise<boolean>, within = 20_000): Promise<number> {
  const started = performance.now();
  while (!(await condition())) {
    if (performance.now() - started > within)
      throw new Error(`not within ${within} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - started;
}
