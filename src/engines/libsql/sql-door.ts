import type { ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { SqlAnswer, SqlDoor, SqlExecuted, SqlOptions } from "../../engine/engine.ts";
import { escapeText } from "../../engine/text.ts";
import { LociError } from "../../errors.ts";
import { guard, type ReadStatement } from "../sql/guard.ts";
import { limitsOf } from "../sql/guard-answer.ts";
import { sqliteRules } from "../sql/guard-lists.ts";
import { guardWrite, sqliteWriting } from "../sql/guard-write.ts";
import { requireFile } from "./files.ts";
import { type Question, type Report, receivedError } from "./sql-messages.ts";
import { nearestRows } from "./vectors.ts";

export interface LibsqlSqlDoor extends SqlDoor {
  /** Ends the processes; twice is fine. */
  close(): Promise<void>;
}

/** Opening the file, and the load of a busy machine; a process that says nothing for so long is stuck. */
const startsWithin = 10_000;
/** After the deadline, for the child's own word on it. */
const grace = 1_000;
/** At once; more wait in line. */
const processesAtMost = 2;
const longestLine = 100;

/**
 * SQL over a file that somebody else wrote: three walls, each enough for most attacks. The words are checked here; the
 * connection is `mode=ro` and its compiled program is checked; and it runs in a process with a deadline and a memory
 * cap. The first query starts the process (about 60 ms); one is kept for the next query, and does not keep this one
 * alive. What changes something has processes of its own, whose connection writes.
 */
export function createLibsqlSqlDoor(path: string): LibsqlSqlDoor {
  const readers = createPool(path, "read");
  const writers = createPool(path, "write");
  const read = async (statement: ReadStatement, options: SqlOptions = {}): Promise<SqlAnswer> => {
    const question = { statement, params: options.params ?? [], limits: limitsOf(options), maxChanges: 0 };
    const { columns, rows, truncated } = await readers.ask(question, options.onAsk);
    return { columns, rows, truncated };
  };
  return {
    query: async (sql, options) => read(guard(sql, sqliteRules), options),
    nearest: (search) => nearestRows(search, read),
    async execute(sql, options = {}) {
      const statement = guardWrite(sql, sqliteWriting);
      if (statement.kind === "nothing") return nothingDone;
      const { params = [], maxChanges = 1_000 } = options;
      const question = {
        statement,
        params: params.map((value) => (typeof value === "string" ? escapeText(value) : value)),
        limits: limitsOf(options),
        maxChanges,
      };
      const pool = "targets" in statement ? writers : readers;
      return pool.ask(question, options.onAsk);
    },
    async close() {
      await Promise.all([readers.close(), writers.close()]);
    },
  };
}

const nothingDone: SqlExecuted = {
  columns: [],
  rows: [],
  truncated: false,
  rowsAffected: 0,
  lastInsertRowid: null,
};

interface Pool {
  ask(question: Question, onAsk?: () => void): Promise<SqlExecuted>;
  close(): Promise<void>;
}

function createPool(path: string, mode: "read" | "write"): Pool {
  const idle: Child[] = [];
  const all = new Set<Child>();
  const line: Array<() => void> = [];
  let running = 0;
  let closed = false;

  const turn = async (): Promise<void> => {
    if (running < processesAtMost) {
      running++;
      return;
    }
    if (line.length >= longestLine)
      throw new LociError("busy", `${longestLine} queries are waiting already.`);
    await new Promise<void>((resolve) => line.push(resolve));
  };
  const done = (): void => {
    const next = line.shift();
    if (next) next();
    else running--;
  };
  const answer = async (question: Question, start: () => Child, onAsk?: () => void): Promise<SqlExecuted> => {
    const child = idle.pop() ?? start();
    all.add(child);
    try {
      const answered = await child.ask(question, onAsk);
      // A statement that was left in its middle keeps its transaction open, and the next query would see the past.
      if (closed || answered.truncated || idle.length > 0) void child.end();
      else idle.push(child);
      return answered;
    } catch (error) {
      // After an error the next query gets a fresh connection.
      void child.end();
      throw error;
    } finally {
      if (!idle.includes(child)) all.delete(child);
    }
  };
  return {
    async ask(question, onAsk) {
      // Most programs that open a store ask no SQL.
      const own = await import("node:child_process");
      if (closed) throw new LociError("closed", `${path} was closed.`, { where: path });
      requireFile(path);
      await turn();
      try {
        return await answer(question, () => startChild(own.fork, path, mode), onAsk);
      } finally {
        done();
      }
    },
    async close() {
      closed = true;
      idle.length = 0;
      await Promise.all([...all].map((child) => child.end()));
    },
  };
}

interface Child {
  ask(question: Question, onAsk?: () => void): Promise<SqlExecuted>;
  end(): Promise<void>;
}

function startChild(start: typeof fork, path: string, mode: "read" | "write"): Child {
  const child = start(fileURLToPath(new URL("./sql-child.js", import.meta.url)), [path, mode], {
    // No flags, no environment, no files of this process: what it holds is not the query's to see. (Windows starts
    // nothing without its own folder.)
    execArgv: [],
    env: process.platform === "win32" ? { SystemRoot: process.env["SystemRoot"] } : {},
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    serialization: "advanced",
  });
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  let ready = false;
  return {
    async ask(question, onAsk) {
      keepAlive(child, true);
      try {
        if (!ready) await next(child, { within: startsWithin, gone, path });
        ready = true;
        onAsk?.();
        child.send(question);
        const within = question.limits.deadline + grace;
        const report = await next(child, { within, gone, path });
        if (report.kind === "answer") return report.answer;
        throw new Error(`The query's process said ${report.kind}.`);
      } finally {
        keepAlive(child, false);
      }
    },
    end() {
      // Whoever waits for the end stays for it.
      child.ref();
      child.kill("SIGKILL");
      return gone;
    },
  };
}

function keepAlive(child: ChildProcess, alive: boolean): void {
  if (alive) {
    child.ref();
    child.channel?.ref();
  } else {
    child.unref();
    child.channel?.unref();
  }
}

/** The child's next word; its end, and its silence, are errors. */
async function next(
  child: ChildProcess,
  { within, gone, path }: { within: number; gone: Promise<void>; path: string },
): Promise<Report> {
  const { promise, settle } = once<Report | "silent" | "gone">();
  const timer = setTimeout(() => settle("silent"), within);
  const listen = (report: unknown): void => settle(report as Report);
  child.once("message", listen);
  void gone.then(() => settle("gone"));
  const report = await promise;
  clearTimeout(timer);
  child.off("message", listen);
  if (report === "silent") {
    throw new LociError("interrupted", `The query was stopped: there was no answer after ${within} ms.`, {
      where: path,
    });
  }
  if (report === "gone") {
    throw new LociError("too-large", "The query's process ended before it had an answer.", { where: path });
  }
  if (report.kind === "error") throw receivedError(report.error, path);
  return report;
}

function once<Value>(): { promise: Promise<Value>; settle(value: Value): void } {
  let settle: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((resolve) => {
    settle = resolve;
  });
  return { promise, settle };
}
