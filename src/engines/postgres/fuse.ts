import type { PlannedChange } from "../../engine/change.ts";
import { query, type Statement } from "../sql/client.ts";
import { takeParts, updateText } from "../sql/compile.ts";
import type { Dialect, FusedTake, Fusing } from "../sql/dialect.ts";
import { createWriter, type Writer } from "../sql/writer.ts";
import { insertText, takeText } from "./texts.ts";

/**
 * Changes and a take as one statement with data-modifying parts: one round trip and one commit instead of five
 * messages. All parts see the rows as they were before, so this is done only where nobody could tell: each part has a
 * table of its own, and the take cannot want what a change of its table touches.
 */
export function fuse(dialect: Dialect, { changes, take }: Fusing): Statement | undefined {
  const [first, ...others] = changes;
  if (!first || changes.some(({ least }) => least > 1)) return undefined;
  if (new Set(changes.map(({ collection }) => collection.name)).size < changes.length) return undefined;
  if (take && !changes.every((change) => isApart(change, take))) return undefined;

  const writer = createWriter(dialect);
  const guarded = first.least > 0 ? `exists (select from "change 0")` : "";
  const steps: string[] = [];
  for (const [place, change] of changes.entries()) {
    const text = changeText(dialect, change, { writer, where: place === 0 ? "" : guarded });
    if (text === undefined) return undefined;
    steps.push(`"change ${place}" as (${text} returning 1)`);
  }
  const count = (place: number): string => `(select count(*) from "change ${place}")`;
  // A guard behind the first that does not hold has to undo what was done: it divides by its count.
  const stops = others
    .flatMap(({ least }, place) => (least > 0 ? [` + 0 / ${count(place + 1)}`] : []))
    .join("");
  const checked = stops && guarded ? ` + case when ${guarded} then 0${stops} else 0 end` : stops;
  const counts = changes.map((_, n) => `${count(n)}${n === 0 ? checked : ""} as n${n}`).join(", ");
  const fused = (sql: string): Statement => ({ ...query(sql, writer.params), ...(stops && { stops: true }) });
  if (!take) return fused(`with ${steps.join(", ")} select ${counts}`);

  const parts = takeParts(dialect, take);
  const taking = takeText({ ...parts, where: guarded && ` and ${guarded}` }, writer);
  const sql =
    `with ${[...steps, taking.steps].join(", ")} select * from (select ${counts}) as counts left join ` +
    `(select "the place", ${dialect.select(parts.columns)} ${taking.answer}) as taken on true order by "the place"`;
  return fused(sql);
}

function changeText(
  dialect: Dialect,
  change: PlannedChange,
  { writer, where }: { readonly writer: Writer; readonly where: string },
): string | undefined {
  switch (change.kind) {
    case "insert":
      return insertText(change.collection, { rows: change.rows, where: where && ` where ${where}` }, writer);
    case "update": {
      const text = updateText(dialect, change, writer);
      return where ? `${text} ${change.terms.length > 0 ? "and" : "where"} ${where}` : text;
    }
    case "remove":
      return undefined;
  }
}

/** A change of another table; or an update of rows that the take does not want, neither before nor after it. */
function isApart(change: PlannedChange, { from, plan, settings: _ }: FusedTake): boolean {
  if (change.collection.name !== from.name) return true;
  if (change.kind !== "update") return false;
  return plan.terms.some((wanted) => {
    if (wanted.test !== "is") return false;
    const before = change.terms.find(({ name, test }) => name === wanted.name && test === "is");
    if (before?.test !== "is" || before.value === wanted.value) return false;
    const setting = change.settings.find(({ name }) => name === wanted.name);
    return setting === undefined || ("value" in setting && setting.value !== wanted.value);
  });
}
