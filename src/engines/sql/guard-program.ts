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
    checkFunction(step, p4, functions);
  }
}

function checkFunction(step: string, p4: unknown, functions: ReadonlySet<string>): void {
  if (!/^(Pure)?Func|^Agg/.test(step)) return;
  const name = /^(.+)\(-?\d+\)$/.exec(String(p4))?.[1]?.toLowerCase();
  if (name === undefined || functions.has(name) || inner.has(name)) return;
  throw new LociError("read-only", `The function ${name}() is not answered here; a view may have called it.`);
}

/** Steps that a change of rows never has: they run a trigger, change the schema, or how the connection works. */
const beyondRows = new Set(
  `AutoCommit Checkpoint CreateBtree Destroy DropIndex DropTable DropTrigger IncrVacuum JournalMode LoadAnalysis
  ParseSchema Program Savepoint SetCookie SqlExec Vacuum VBegin VCreate VDestroy VRename VUpdate`.split(
    /\s+/,
  ),
);

/** What the triggers of a feed call. */
const noteFunctions = ["json_patch", "julianday", "max", "printf", "replace", "substr", "coalesce"];

/** The same look at a change of rows; where sync is on, the changes of our own tables are noted. Answers the pages of the tables and indexes that it opens for writing. */
export function checkChange(
  steps: ReadonlyArray<readonly unknown[]>,
  asked: ReadonlySet<string>,
  isNoted: boolean,
): Set<number> {
  if (steps.length === 0) throw new LociError("read-only", "The engine does not say what it would do.");
  const functions = isNoted ? new Set([...asked, ...noteFunctions]) : asked;
  const pages = new Set<number>();
  for (const [, opcode, p1, p2, p3, p4] of steps) {
    const step = String(opcode);
    if (beyondRows.has(step) && !(isNoted && step === "Program")) {
      throw new LociError("read-only", `The statement would do more than change rows (${step}).`, {
        next:
          step === "Program"
            ? "Its table has a trigger, which is not run here."
            : "docs/sql.md has what is done.",
      });
    }
    if (step === "Clear") pages.add(Number(p1));
    // The database in use is the file itself, number 0; 1 is for what is temporary.
    if (step === "OpenWrite" && Number(p3) === 0) pages.add(Number(p2));
    checkFunction(step, p4, functions);
  }
  return pages;
}
