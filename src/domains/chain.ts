import { LociError } from "../errors.ts";
import type { Millis } from "../model/collection.ts";
import { fromCursor, pageSize, toCursor } from "./cursor.ts";
import type { Page } from "./sessions.ts";

/** A row that may replace an older one. It is the current one until another replaces it. */
export interface Link {
  readonly id: string;
  readonly supersedes: string | null;
  readonly createdAt: Millis;
}

export interface NewestOf<Row extends Link> {
  readonly limit: number;
  readonly after: string | undefined;
  /** Superseded ones too. */
  readonly history: boolean;
  /** Rows, newest first, behind this one. */
  page(after: { after?: Pick<Link, "createdAt" | "id"> }, limit: number): Promise<Row[]>;
  /** Which of these are superseded. */
  superseded(ids: readonly string[]): Promise<ReadonlySet<string>>;
  keep?(row: Row): boolean;
}

const batch = 500;

/** A page of the rows that pass, newest first; of two of the same moment, the one with the later id. */
export async function newestOf<Row extends Link>(spec: NewestOf<Row>): Promise<Page<Row>> {
  const limit = pageSize(spec.limit, 1_000);
  const items: Row[] = [];
  const [createdAt, id] = spec.after === undefined ? [] : fromCursor(spec.after);
  let after = createdAt === undefined || id === undefined ? undefined : { createdAt, id };
  const size = spec.keep === undefined ? Math.min(batch, limit + 1) : batch;
  for (;;) {
    const rows = await spec.page(after === undefined ? {} : { after }, size);
    const hidden = spec.history ? new Set<string>() : await spec.superseded(rows.map((row) => row.id));
    for (const row of rows) {
      if (hidden.has(row.id) || spec.keep?.(row) === false) continue;
      const last = items.at(-1);
      if (items.length === limit && last) return { items, next: toCursor(last.createdAt, last.id) };
      items.push(row);
    }
    const last = rows.at(-1);
    if (rows.length < size || last === undefined) return { items, next: null };
    after = { createdAt: last.createdAt, id: last.id };
  }
}

/** The ids that rows replace. */
export function replacedBy(rows: ReadonlyArray<Pick<Link, "supersedes">>): Set<string> {
  return new Set(rows.flatMap(({ supersedes }) => (supersedes === null ? [] : [supersedes])));
}

export interface Naming {
  /** `a decision`, `an entry`. */
  readonly noun: string;
  readonly where: string;
  /** The command that lists them. */
  readonly next: string;
}

/** The one row that an id, or the beginning of one, names. Errors: `not-found`. */
export function onlyOne<Row extends { readonly id: string }>(
  found: readonly Row[],
  asked: string,
  { noun, where, next }: Naming,
): Row {
  const [first] = found;
  const exact = found.find(({ id }) => id === asked) ?? (found.length === 1 ? first : undefined);
  if (exact !== undefined) return exact;
  const sentence =
    first === undefined
      ? `No ${noun} has the id ${JSON.stringify(asked)}, or one that begins so (4 characters or more).`
      : `More than one ${noun} begins with ${JSON.stringify(asked)}: ${found.map(({ id }) => id).join(", ")}.`;
  throw new LociError("not-found", sentence, {
    where,
    next: first === undefined ? next : "Give more of the id.",
  });
}

/** A text that has to be there. Errors: `invalid`. */
export function needed(name: string, value: string): string {
  if (typeof value === "string" && value.trim() !== "") return value;
  throw new LociError("invalid", `${name} is a text that is not empty, not ${JSON.stringify(value)}.`);
}
