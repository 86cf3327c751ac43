import { pathToFileURL } from "node:url";
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import Database from "libsql";
import { LociError } from "../../errors.ts";
import type { SqlExecuted } from "../../engine/engine.ts";
import { createAnswer } from "../sql/guard-answer.ts";
import { type Catalog, missing } from "../sql/guard-help.ts";
import { sqliteRules } from "../sql/guard-lists.ts";
import { checkProgram } from "../sql/guard-program.ts";
import { createView, views } from "../sql/views.ts";
import { type Bindable, bindList } from "./binder.ts";
import { sqliteKind, translated } from "./errors.ts";
import { type Question, type Report, sentError } from "./sql-messages.ts";

/** Native code cannot be interrupted from its own thread, so the connection has one, and the process's main thread watches. */

/** SQLite's own memory; one bomb of a gigabyte ends in microseconds with "out of memory" (libsql 0.5.29, measured). */
const heapLimit = 192 * 1024 * 1024;

function openReadOnly(path: string): Database.Database {
  // `mode=ro` is the file system's word: no statement of this connection can write, whatever it says.
  const db = new Database(`${pathToFileURL(path).href}?mode=ro`, { timeout: 2_000 });
  db.exec(`pragma temp_store = memory; pragma hard_heap_limit = ${heapLimit}; pragma trusted_schema = off`);
  db.exec("pragma cell_size_check = on; pragma mmap_size = 0");
  const tables = new Set(tablesOf(db));
  for (const view of views) {
    if (!tables.has(view.name)) db.exec(createView(view, "sqlite", "create temp view"));
  }
  db.exec("pragma query_only = on");
  return db;
}

function tablesOf(db: Database.Database): string[] {
  const rows = db
    .prepare("select name from pragma_table_list where name not like 'sqlite^_%' escape '^'")
    .raw();
  return (rows.all([]) as string[][]).map(([name]) => String(name));
}

function catalogOf(db: Database.Database): Catalog {
  const columns = db.prepare("select name from pragma_table_info(?)").raw();
  const columnsOf = (table: string): string[] => {
    try {
      return (columns.all([table]) as string[][]).map(([name]) => String(name));
    } catch {
      // A view that calls what this connection does not trust has no columns to tell.
      return [];
    }
  };
  return new Map(
    tablesOf(db)
      .sort()
      .map((table) => [table.toLowerCase(), columnsOf(table)]),
  );
}

type Changing = Pick<typeof import("./sql-change.ts"), "change" | "openForChanges">;

function answer(
  db: Database.Database,
  { statement, params, limits, maxChanges }: Question,
  change: Changing["change"] | undefined,
): SqlExecuted {
  const values = bindList(params, statement.places);
  if ("targets" in statement) {
    if (change === undefined) throw new LociError("read-only", "This connection only reads.");
    return change(db, statement, { values, limits, maxChanges });
  }
  if (statement.kind !== "pragma") {
    const explain = db.prepare(`explain ${statement.inner}`).raw();
    checkProgram(explain.all(values) as unknown[][], sqliteRules.functions);
    release(explain, values);
  }
  const prepared = db.prepare(statement.text).raw();
  prepared.safeIntegers(true);
  const columns = prepared.columns().map(({ name }) => name);
  const collected = createAnswer(columns, limits);
  for (const row of prepared.iterate(values) as Iterable<unknown[]>) {
    if (!collected.add(row)) break;
  }
  if (statement.kind === "explain") release(prepared, values);
  return { ...collected.answer(), rowsAffected: 0, lastInsertRowid: null };
}

/**
 * An EXPLAIN that was read to its end keeps its transaction open until it is reset, and no checkpoint could finish the
 * log meanwhile; libsql 0.5.29 resets in `get` only.
 */
function release(statement: Database.Statement, values: readonly Bindable[]): void {
  statement.get([...values]);
}

/** What SQLite says, as a sentence that helps. */
function explained(
  db: Database.Database,
  path: string,
  failed: { error: unknown; names: ReadonlySet<string> },
): unknown {
  const { error, names } = failed;
  if (!(error instanceof Error) || error instanceof LociError) return error;
  const gone = /no such (table|column|function): (.+)$/.exec(error.message);
  if (gone?.[1] !== undefined && gone[2] !== undefined) {
    // The pattern has these three words only.
    return missing({ kind: gone[1] as "table", name: gone[2], cause: error }, catalogOf(db), names);
  }
  const kind = sqliteKind(error);
  if (kind === 7) {
    const limit = `${heapLimit / 1024 / 1024} MB`;
    return new LociError("too-large", `The query needs more than ${limit} of memory.`, {
      next: "Ask for fewer columns, shorter texts with substr(), or fewer rows with LIMIT",
    });
  }
  if (kind === 1 || kind === 18 || kind === 20)
    return new LociError("invalid", `SQL: ${error.message}.`, { cause: error });
  return translated(path, error);
}

interface Served {
  readonly path: string;
  readonly writes: boolean;
}

function serve(
  path: string,
  changing: Changing | undefined,
  send: (report: Report) => void,
): (question: Question) => void {
  const db = changing?.openForChanges(path) ?? openReadOnly(path);
  send({ kind: "ready" });
  return (question) => {
    try {
      send({ kind: "answer", answer: answer(db, question, changing?.change) });
    } catch (error) {
      const told = explained(db, path, { error, names: question.statement.names });
      send({ kind: "error", error: sentError(told) });
    }
  };
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  const { path, writes } = workerData as Served;
  // Who only reads does not load what knows every collection: a question waits for the start of its process.
  const changing = writes ? await import("./sql-change.ts") : undefined;
  try {
    port.on(
      "message",
      serve(path, changing, (report) => port.postMessage(report)),
    );
  } catch (error) {
    port.postMessage({ kind: "error", error: sentError(translated(path, error)) } satisfies Report);
  }
}
