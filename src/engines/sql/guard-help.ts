import { LociError } from "../../errors.ts";
import { views } from "./views.ts";

/** The tables and views that a question may name, with their columns. */
export type Catalog = ReadonlyMap<string, readonly string[]>;

export interface Missing {
  readonly kind: "table" | "column" | "function";
  /** As it was written, perhaps with its table before a dot. */
  readonly name: string;
  readonly cause: unknown;
}

/** What is not there, what was perhaps meant, and what there is. */
export function missing(
  { kind, name, cause }: Missing,
  catalog: Catalog,
  names: ReadonlySet<string>,
): LociError {
  const bare = (name.split(".").at(-1) ?? name).toLowerCase();
  if (kind === "function") {
    return new LociError("invalid", `There is no function ${name} for these arguments.`, { cause });
  }
  if (kind === "table") {
    const tables = [...catalog.keys()].sort();
    const made = new Set(views.map((view) => view.name));
    const shown = tables.filter((table) => table.startsWith("v_"));
    return new LociError(
      "invalid",
      `There is no table ${name}.${perhaps(bare, tables)} Views: ${shown.join(", ")}.`,
      {
        cause,
        next: `The stored tables: ${tables.filter((table) => !made.has(table)).join(", ")}`,
      },
    );
  }
  const used = [...catalog].filter(([table]) => names.has(table));
  const columns = used.flatMap(([, list]) => list);
  const tables = used.map(([table, list]) => `${table} has ${list.join(", ")}.`).join(" ");
  return new LociError("invalid", `There is no column ${name}.${perhaps(bare, columns)} ${tables}`.trim(), {
    cause,
  });
}

function perhaps(name: string, candidates: readonly string[]): string {
  const best = [...new Set(candidates)]
    .map((candidate) => ({ candidate, far: distance(name, candidate) }))
    .sort((a, b) => a.far - b.far)[0];
  const near = best !== undefined && best.far <= Math.max(1, Math.floor(name.length * 0.4));
  const longer = candidates.find((candidate) => name.length > 3 && candidate.endsWith(`_${name}`));
  const meant = near ? best.candidate : longer;
  return meant === undefined ? "" : ` Did you mean ${meant}?`;
}

/** Letters to change, add or leave out (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
