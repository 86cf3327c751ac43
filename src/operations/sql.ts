import { LociError } from "../errors.ts";
import { type Operation, operation } from "./operation.ts";

export interface SqlAnswer {
  readonly columns: readonly string[];
  readonly rows: ReadonlyArray<readonly unknown[]>;
  /** More rows were there than `--limit`, or than the answer may be long. */
  readonly truncated: boolean;
}

export const querySql: Operation = operation({
  name: "sql",
  summary: "answer one SQL statement that changes nothing",
  access: "read",
  params: {
    query: { kind: "string", positional: true, default: "", summary: "the statement" },
    limit: {
      kind: "integer",
      letter: "n",
      default: 1000,
      min: 1,
      max: 1_000_000,
      summary: "how many rows at most",
    },
    params: { kind: "json", of: "list", summary: "the values of the statement's ?, as a JSON list" },
    timeout: { kind: "integer", default: 5, min: 1, max: 3600, summary: "seconds it may take" },
  },
  async run(loci, input): Promise<SqlAnswer> {
    if (loci.sql === undefined) {
      throw new LociError("unsupported", "This store answers no SQL.", {
        where: loci.place,
        next: "loci ls, loci search and loci cost ask the same things of every store",
      });
    }
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

/** What JSON can say: bytes as hexadecimal text, as SQL writes them, and integers too large for a double as text. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `X'${Buffer.from(value).toString("hex")}'`;
  if (typeof value === "bigint") return value.toString();
  return value instanceof Date ? value.toISOString() : value;
}
