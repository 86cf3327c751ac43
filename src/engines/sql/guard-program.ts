import { LociError } from "../../errors.ts";

/** Steps of SQLite's own program that a question never has: they write, or change how the connection works. */
const writing = new Set(
  `AutoCommit Checkpoint Clear CreateBtree Destroy DropIndex DropTable DropTrigger Expire FkCounter IncrVacuum
  JournalMode LoadAnalysis OpenWrite ParseSchema Program ResetCount Savepoint SetCookie SqlExec TableLock Vacuum VBegin
  VCreate VDestroy VRename VUpdate`.split(/\s+/),
);

const inner = new Set([
  "->",
  "->>",
  "match",
  "regexp",
  "current_date",
  "current_time",
  "current_timestamp",
  "unknown",
]);

/**
 * The second look, at what SQLite made of the statement (`EXPLAIN` answers rows of address, opcode, p1 … p4): it sees
 * what words cannot, such as a function that a view of a foreign file calls.
 */
export function checkProgram(steps: ReadonlyArray<readonly unknown[]>, functions: ReadonlySet<string>): void {
  if (steps.length === 0) throw new LociError("read-only", "The engine does not say what it would do.");
  for (const [, opcode, , p2, , p4] of steps) {
    const step = String(opcode);
    if (writing.has(step) || (step === "Transaction" && Number(p2) !== 0)) {
      throw new LociError(
        "read-only",
        `The statement would change something (${step}): this door only reads.`,
      );
    }
    if (!/^(Pure)?Func|^Agg/.test(step)) continue;
    const name = /^(.+)\(-?\d+\)$/.exec(String(p4))?.[1]?.toLowerCase();
    if (name === undefined || functions.has(name) || inner.has(name)) continue;
    throw new LociError(
      "read-only",
      `The function ${name}() is not answered here; a view may have called it.`,
    );
  }
}
