import type { SqlVectorSearch } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";

export interface VectorColumn {
  readonly name: string;
  readonly type: string;
}

export interface VectorTable {
  /** As the database writes it. */
  readonly table: string;
  readonly column: VectorColumn;
  /** All columns but that one. */
  readonly others: readonly string[];
}

/** Names are those that the schema has: what was asked for is compared with them, and never stands in a statement. */
export function vectorTable(
  { table, column }: SqlVectorSearch,
  columns: ReadonlyArray<VectorColumn & { readonly table: string }>,
  isVector: (type: string) => boolean,
): VectorTable {
  const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
  const own = columns.filter((one) => one.table === table);
  const found = own.length > 0 ? own : columns.filter((one) => same(one.table, table));
  const [first] = found;
  if (first === undefined) {
    throw new LociError("not-found", `There is no table ${JSON.stringify(table.slice(0, 100))}.`, {
      next: "list_tables says what there is.",
    });
  }
  const wanted = found.find((one) => same(one.name, column));
  if (wanted === undefined || !isVector(wanted.type)) {
    const vectors = found.filter(({ type }) => isVector(type)).map(({ name }) => name);
    const has = vectors.length === 0 ? "it has none" : `it has ${vectors.join(", ")}`;
    throw new LociError(
      "not-found",
      `${first.table} has no vector column ${JSON.stringify(column.slice(0, 100))}: ${has}.`,
      { next: `describe_table says what ${first.table} has.` },
    );
  }
  return {
    table: first.table,
    column: wanted,
    others: found.filter(({ name }) => name !== wanted.name).map(({ name }) => name),
  };
}

/** The vector as the text that is bound. */
export function vectorText({ vector }: SqlVectorSearch, size: number | undefined): string {
  const isNumber = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value);
  if (vector.length === 0 || !vector.every(isNumber))
    throw new LociError("invalid", "The vector is a list of numbers, such as [0.1, 0.7].");
  if (size === undefined || vector.length === size) return JSON.stringify(vector);
  throw new LociError("invalid", `The column's vectors have ${size} numbers, and ${vector.length} came.`, {
    next: "Ask with a vector of the model that made the column's.",
  });
}
