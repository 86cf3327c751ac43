import { type Change, type Engine, insert, update } from "../../engine/engine.ts";
import { entryOf } from "../../domains/knowledge-index/segment.ts";
import { comeBack, digestOf, enter, leave } from "../../domains/knowledge-index/upkeep.ts";
import { pendingRows } from "../../domains/pending.ts";
import { type Knowledge, knowledge } from "../../model/knowledge.ts";
import { knowledgeIndex } from "../../model/knowledge-index.ts";
import { messages } from "../../model/message.ts";
import { pendingSearch } from "../../model/search.ts";
import { toolExecutions } from "../../model/tool-execution.ts";
import { patchOf, type Planned } from "./plan.ts";
import type { Fields } from "../tables.ts";

/**
 * What follows from rows that are brought into a store: they are to be made searchable, and knowledge has an index. `own`
 * is asked where a message stands that a tool execution belongs to.
 */
export async function followUps(
  planned: readonly Planned[],
  { own, there }: { readonly own: Engine; readonly there: Engine },
): Promise<Change[]> {
  const open = planned.filter((one) => !one.isSame && hasChanged(one));
  const said = of(open, messages.name).flatMap(({ key, row }) =>
    row === null ? [] : [{ id: key, sessionId: text(row, "sessionId"), sequence: Number(row["sequence"]) }],
  );
  const tools = of(open, toolExecutions.name).flatMap(({ row }) =>
    row === null ? [] : [{ sessionId: text(row, "sessionId"), messageId: textOrNull(row, "messageId") }],
  );
  const pending = said.length + tools.length === 0 ? [] : await pendingRows(own, { said, tools, until: 0 });
  const found: Change[] = [];
  for (const one of of(open, knowledge.name)) found.push(...(await indexed(one, there)));
  return [...(pending.length === 0 ? [] : [insert(pendingSearch, pending)]), ...found];
}

function of(planned: readonly Planned[], name: string): Planned[] {
  return planned.filter(({ table }) => table.collection.name === name);
}

function hasChanged(one: Planned): boolean {
  return (one.row === null) !== (one.before.row === undefined) || Object.keys(patchOf(one)).length > 0;
}

/** The index of knowledge comes and goes with its entries. */
async function indexed(one: Planned, there: Engine): Promise<Change[]> {
  const { key, row, before } = one;
  const old = before.row === undefined ? undefined : entryOf(knowledgeRow(before.row));
  if (row === null) return old === undefined ? [] : leave(there, old);
  const entry = knowledgeRow({ ...row, id: key });
  const gone = old?.supersedes ?? null;
  const back = gone !== null && gone !== entry.supersedes ? [comeBack(gone)] : [];
  if (old === undefined) return [enter([entry])];
  if (digestOf(old) === digestOf(entry)) return back;
  return [...back, update(knowledgeIndex, { entryId: key }, { segment: null, digest: digestOf(entry) })];
}

function knowledgeRow(row: Fields): Knowledge {
  // The plan's rows are of the collection that its table names.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return row as unknown as Knowledge;
}

function text(row: Fields, name: string): string {
  return String(row[name]);
}

function textOrNull(row: Fields, name: string): string | null {
  const value = row[name];
  return typeof value === "string" ? value : null;
}

/** Sessions that rows of a plan belong to. */
export function sessionsOf(planned: ReadonlyArray<{ readonly sessionId: string | null }>): string[] {
  return [...new Set(planned.map(({ sessionId }) => sessionId))].filter((id) => id !== null);
}
