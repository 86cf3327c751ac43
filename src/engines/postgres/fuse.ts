import type { PlannedChange } from "../../engine/change.ts";
import { query } from "../sql/client.ts";
import { takeParts, updateText } from "../sql/compile.ts";
import type { Dialect, Fused, FusedTake, Fusing } from "../sql/dialect.ts";
import { createWriter, type Writer } from "../sql/writer.ts";
import { insertText, takeText } from "./texts.ts";
import { alikeText, gather, type Part } from "./together.ts";

/**
 * Changes and a take as one statement with data-modifying parts: one round trip and one commit instead of five
 * messages. All parts see the rows as they were before, so this is done only where nobody could tell: each part has a
 * table of its own, and the take cannot want what a change of its table touches.
 */
export function fuse(dialect: Dialect, { changes, take, amongOthers }: Fusing): Fused | undefined {
  const parts = gather(changes);
  const [first] = parts;
  if (!first) return undefined;
  if (new Set(parts.map(({ collection }) => collection.name)).size < parts.length) return undefined;
  if (take && !changes.every((change) => isApart(change, take))) return undefined;

  const writer = createWriter(dialect);
  const count = (place: number): string => `(select count(*) from "change ${place}")`;
  // The same text for any number of rows: it stays prepared.
  const wanted = parts.map(({ least }) => (least > 1 ? `${writer.place(least)}::bigint` : ""));
  const guarded =
    first.least === 0 ? "" : wanted[0] ? `${count(0)} = ${wanted[0]}` : `exists (select from "change 0")`;
  const steps: string[] = [];
  for (const [place, part] of parts.entries()) {
    const text = partText(dialect, part, { writer, where: place === 0 ? "" : guarded });
    if (text === undefined) return undefined;
    steps.push(`"change ${place}" as (${text} returning 1)`);
  }
  // What a guard behind the first, or one of several rows, did in vain has to be undone: it divides by zero.
  const stop = (place: number): string =>
    ` + 0 / ${wanted[place] ? `(${count(place)} / ${wanted[place]})` : count(place)}`;
  const others = parts.flatMap(({ least }, place) => (place > 0 && least > 0 ? [stop(place)] : [])).join("");
  const checked =
    (wanted[0] || (amongOthers && first.least > 0) ? stop(0) : "") +
    (others && guarded ? ` + case when ${guarded} then 0${others} else 0 end` : others);
  const counts = parts.map((_, n) => `${count(n)}${n === 0 ? checked : ""} as n${n}`).join(", ");
  const fused = (sql: string): Fused => ({
    statement: { ...query(sql, writer.params), ...(checked && { stops: true }) },
    sizes: parts.map(({ size }) => size),
  });
  if (!take) return fused(`with ${steps.join(", ")} select ${counts}`);

  const taken = takeParts(dialect, take);
  const taking = takeText({ ...taken, where: guarded && ` and ${guarded}` }, writer);
  return fused(
    `with ${[...steps, taking.steps].join(", ")} select * from (select ${counts}) as counts left join ` +
      `(select "the place", ${dialect.select(taken.columns)} ${taking.answer}) as taken on true order by "the place"`,
  );
}

function partText(
  dialect: Dialect,
  part: Part,
  { writer, where }: { readonly writer: Writer; readonly where: string },
): string | undefined {
  if (part.alike) return alikeText(part.collection, part.alike, { writer, where: where && ` and ${where}` });
  const { change } = part;
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
