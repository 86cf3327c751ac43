import { LociError } from "../errors.ts";
import type { Loci } from "../open.ts";
import { type Operation, operation } from "./operation.ts";

export interface SqlAnswer {
  readonly columns: readonly string[];
  readonly rows: ReadonlyArray<readonly unknown[]>;
  /** More rows were there than `--limit`, or than the answer may be long. */
  readonly truncated: boolean;
}

const parts = {
  query: { kind: "string", positional: true, default: "", summary: "the statement" },
  params: { kind: "json", of: "list", summary: "the values of the statement's ?, as a JSON list" },
  timeout: { kind: "integer", default: 5, min: 1, max: 3600, summary: "seconds it may take" },
} as const;

const rowLimit = {
  kind: "integer",
  letter: "n",
  default: 1000,
  min: 1,
  max: 1_000_000,
  summary: "how many rows at most",
} as const;

const maxChanges = {
  kind: "integer",
  default: 1000,
  min: 0,
  max: 1_000_000_000,
  summary: "with --write: a statement that changes more rows is undone",
} as const;

export const querySql: Operation = operation({
  name: "sql",
  summary: "answer one SQL statement that changes nothing",
  access: "read",
  params: {
    ...parts,
    limit: rowLimit,
  },
  async run(loci, input): Promise<SqlAnswer> {
    if (loci.sql === undefined) throw noSql(loci);
    const { columns, rows, truncated } = await loci.sql.query(input.query, {
      maxRows: input.limit,
      ...(input.params !== undefined && { params: input.params }),
      deadline: input.timeout * 1000,
      // The door's own limit is for agents; who asks for more rows than that, a person or a script, gets more.
      ...(input.limit > 1000 && { maxBytes: 64 * 1024 * 1024 }),
    });
    return { columns, rows: rows.map((row) => row.map(plain)), truncated };
  },
});

export interface SqlExecuted extends SqlAnswer {
  readonly rowsAffected: number;
  readonly lastInsertRowid: number | string | null;
}

export const executeSql: Operation = operation({
  name: "execute-sql",
  summary: "run one SQL statement that may change your own tables",
  access: "write",
  params: {
    ...parts,
    maxChanges,
  },
  async run(loci, input): Promise<SqlExecuted> {
    if (loci.sql?.execute === undefined) throw noSql(loci);
    const done = await loci.sql.execute(input.query, {
      deadline: input.timeout * 1000,
      maxChanges: input.maxChanges,
      ...(input.params !== undefined && { params: input.params }),
    });
    return { ...done, rows: done.rows.map((row) => row.map(plain)) };
  },
});

/** One command for both: what may change something is said, and confirmed. */
export const runSql: Operation = operation({
  name: "sql",
  summary: querySql.summary,
  access: "read",
  params: {
    ...parts,
    limit: rowLimit,
    write: { kind: "boolean", summary: "it may change your own tables; --yes says that you mean it" },
    yes: { kind: "boolean", letter: "y", summary: "do it without asking" },
    maxChanges,
  },
  async run(loci, input, context) {
    if (!input.write) return querySql.run(loci, input, context);
    if (!input.yes) {
      throw new LociError(
        "invalid",
        "With --write the statement may change the store, and --yes is missing.",
        {
          next: "loci sql --write --yes '…'",
        },
      );
    }
    return executeSql.run(loci, input, context);
  },
});

export const searchVectors: Operation = operation({
  name: "search-vectors",
  summary: "the rows of a table that are nearest to a vector",
  access: "read",
  params: {
    table: { kind: "string", required: true, summary: "the table" },
    column: { kind: "string", required: true, summary: "its vector column" },
    vector: { kind: "json", of: "list", required: true, summary: "the vector, as a JSON list of numbers" },
    limit: { kind: "integer", letter: "n", default: 10, min: 1, max: 1000, summary: "how many" },
  },
  async run(loci, { table, column, vector, limit }): Promise<SqlAnswer> {
    if (loci.sql?.nearest === undefined) throw noSql(loci);
    const numbers = vector?.map(Number) ?? [];
    const { columns, rows, truncated } = await loci.sql.nearest({ table, column, vector: numbers, limit });
    return { columns, rows: rows.map((row) => row.map(plain)), truncated };
  },
});

function noSql(loci: Loci): LociError {
  return new LociError("unsupported", "This store answers no SQL.", {
    where: loci.place,
    next: "loci ls, loci search and loci cost ask the same things of every store",
  });
}

/** What JSON can say: bytes as hexadecimal text, as SQL writes them, and integers too large for a double as text. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `X'${Buffer.from(value).toString("hex")}'`;
  if (typeof value === "bigint") return value.toString();
  return value instanceof Date ? value.toISOString() : value;
}
