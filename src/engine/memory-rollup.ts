import type { PlannedMeasure, RollupPlan } from "./rollup.ts";
import type { Stored, StoredRow } from "./stored.ts";

export function rollUp(plan: RollupPlan, rows: readonly StoredRow[]): Array<Record<string, Stored>> {
  const groups = new Map<string, { readonly fields: Record<string, Stored>; readonly rows: StoredRow[] }>();
  const group = (fields: Record<string, Stored>): StoredRow[] => {
    const key = JSON.stringify(fields);
    const found = groups.get(key) ?? { fields, rows: [] };
    groups.set(key, found);
    return found.rows;
  };
  if (plan.by.length === 0 && !plan.bucket) group({});
  for (const row of rows) {
    const fields = Object.fromEntries(plan.by.map((name) => [name, row[name] ?? null]));
    if (plan.bucket) {
      const time = Number(row[plan.bucket.name]);
      fields["bucket"] = Math.floor(time / plan.bucket.size) * plan.bucket.size;
    }
    group(fields).push(row);
  }
  return Array.from(groups.values(), ({ fields, rows: members }) => ({
    ...fields,
    ...Object.fromEntries(plan.measures.map((measure) => [measure.out, measured(measure, members)])),
  }));
}

function measured({ aggregate, of }: PlannedMeasure, rows: readonly StoredRow[]): number | null {
  if (!of) return rows.length;
  const values = rows.map((row) => row[of.name] ?? null).filter((value) => value !== null);
  const numbers = values.map(Number);
  if (numbers.length === 0) return null;
  const sum = numbers.reduce((total, number) => total + number, 0);
  switch (aggregate) {
    case "count":
      return numbers.length;
    case "sum":
      return sum;
    case "avg":
      return sum / numbers.length;
    // Not Math.min(...numbers): a million arguments overflow the stack.
    case "min":
      return numbers.reduce((least, number) => Math.min(least, number));
    case "max":
      return numbers.reduce((most, number) => Math.max(most, number));
  }
}
