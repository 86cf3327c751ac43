import type { Engine } from "../engine/engine.ts";
import type { Millis } from "../model/collection.ts";
import { type LedgerEntry, ledger } from "../model/ledger.ts";

/** What one recorder has in a spool folder, as `readSpool` finds it. */
export interface SpoolState {
  readonly recorder: string;
  /** Whether its process lives; `elsewhere`: on another machine, or in another container. */
  readonly life: "alive" | "dead" | "elsewhere";
  readonly files: number;
  readonly bytes: number;
  /** The number of its last line, and how many had been dropped by then. */
  readonly noted: number;
  readonly dropped: number;
}

/** One recorder's numbers: `noted = written + spooled + dropped + missing`. */
export interface RecorderStatement {
  readonly id: string;
  readonly host: string | null;
  readonly pid: number | null;
  readonly startedAt: Millis | null;
  readonly life: SpoolState["life"] | "ended";
  readonly noted: number;
  readonly written: number;
  readonly spooled: number;
  readonly dropped: number;
  /** Noted, and neither in the store nor in a spool: somebody removed the spool, or the power failed. */
  readonly missing: number;
  readonly reasons: Readonly<Record<string, number>>;
}

export interface LedgerStatement
  extends Pick<RecorderStatement, "noted" | "written" | "spooled" | "dropped" | "missing" | "reasons"> {
  readonly recorders: readonly RecorderStatement[];
  readonly spoolFiles: number;
  readonly spoolBytes: number;
}

export interface Ledger {
  /** The rows that recorders keep of themselves, newest first. */
  readonly list: (limit?: number) => Promise<LedgerEntry[]>;
  /** What was noted, and where it is now, from the store's rows and what stands in the spool. */
  readonly statement: (spool: readonly SpoolState[]) => Promise<LedgerStatement>;
}

export function createLedger(engine: Engine): Ledger {
  return {
    list: (limit = 100) => engine.find(ledger, { orderBy: [["updatedAt", "down"]], limit }),

    async statement(spool) {
      const rows = new Map((await engine.find(ledger)).map((row) => [row.id, row]));
      const states = new Map(spool.map((state) => [state.recorder, state]));
      const ids = [...new Set([...rows.keys(), ...states.keys()])].sort();
      const recorders = ids.map((id) => statementOf(id, rows.get(id), states.get(id)));
      const sum = (name: "noted" | "written" | "spooled" | "dropped" | "missing"): number =>
        recorders.reduce((total, recorder) => total + recorder[name], 0);
      const reasons: Record<string, number> = {};
      for (const recorder of recorders) {
        for (const [reason, count] of Object.entries(recorder.reasons)) {
          reasons[reason] = (reasons[reason] ?? 0) + count;
        }
      }
      return {
        recorders,
        noted: sum("noted"),
        written: sum("written"),
        spooled: sum("spooled"),
        dropped: sum("dropped"),
        missing: sum("missing"),
        reasons,
        spoolFiles: spool.reduce((total, { files }) => total + files, 0),
        spoolBytes: spool.reduce((total, { bytes }) => total + bytes, 0),
      };
    },
  };
}

function statementOf(
  id: string,
  row: LedgerEntry | undefined,
  state: SpoolState | undefined,
): RecorderStatement {
  const noted = Math.max(row?.noted ?? 0, state?.noted ?? 0);
  const dropped = Math.max(row?.dropped ?? 0, state?.dropped ?? 0);
  const written = row?.written ?? 0;
  const open = Math.max(0, noted - written - dropped);
  return {
    id,
    host: row?.host ?? null,
    pid: row?.pid ?? null,
    startedAt: row?.startedAt ?? null,
    life: state?.life ?? "ended",
    noted,
    written,
    spooled: state === undefined ? 0 : open,
    dropped,
    missing: state === undefined ? open : 0,
    reasons: reasonsOf(row, dropped),
  };
}

function reasonsOf(row: LedgerEntry | undefined, dropped: number): Record<string, number> {
  const known: Record<string, number> = {};
  const given = row?.reasons;
  if (typeof given === "object" && given !== null) {
    for (const [reason, count] of Object.entries(given)) if (typeof count === "number") known[reason] = count;
  }
  const told = Object.values(known).reduce((total, count) => total + count, 0);
  // The recorder has said how many, and not yet why.
  return dropped > told ? { ...known, unknown: (known["unknown"] ?? 0) + dropped - told } : known;
}
