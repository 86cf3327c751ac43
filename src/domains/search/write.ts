import { type Change, type Engine, insert, remove, update } from "../../engine/engine.ts";
import { newId } from "../../model/id.ts";
import { type Segment, searchBlocks, searchSegments, searchState } from "../../model/search.ts";
import type { BuiltSegment } from "./builder.ts";
import { pageId } from "./pages.ts";

/** Bytes of pages sent in one write; the segment's own row comes last, and only then is any of it seen. */
const batchBytes = 4 * 1024 * 1024;

/** Sets a value of the index, whether it was there or not. */
export function setState(id: string, value: string): Change[] {
  return [insert(searchState, [{ id, value }]), update(searchState, { id }, { value })];
}

export interface NewSegment {
  readonly built: BuiltSegment;
  readonly tier: number;
  readonly createdAt: number;
  /** The segments that it takes the place of, in the same step. */
  readonly replaces: readonly string[];
}

/** Stores a segment. A crash in the middle leaves pages that nothing names: {@link removeStrays} takes them away. */
export async function writeSegment(
  index: Engine,
  segment: NewSegment,
  also: readonly Change[] = [],
): Promise<string> {
  const { built, tier, createdAt, replaces } = segment;
  const id = newId();
  let rows: Array<{ id: string; segment: string; data: Uint8Array }> = [];
  let bytes = 0;
  for (const [number, data] of built.pages.entries()) {
    rows.push({ id: pageId(id, number), segment: id, data });
    bytes += data.length;
    if (bytes < batchBytes) continue;
    await index.write([insert(searchBlocks, rows)]);
    rows = [];
    bytes = 0;
  }
  const { documents, tokens, directory } = built;
  const row: Segment = { id, tier, documents, tokens, createdAt, directory };
  const old =
    replaces.length === 0
      ? []
      : [
          remove(searchSegments, { id: { anyOf: replaces } }),
          remove(searchBlocks, { segment: { anyOf: replaces } }),
        ];
  await index.write([
    ...(rows.length > 0 ? [insert(searchBlocks, rows)] : []),
    insert(searchSegments, [row]),
    ...old,
    ...setState("generation", id),
    ...also,
  ]);
  return id;
}

/** Pages that a writer left behind when it died: they belong to no segment, and nobody writes to one for an hour. */
export async function removeStrays(index: Engine, now: number): Promise<number> {
  const listed = new Set((await index.find(searchSegments, { fields: ["id"] })).map(({ id }) => id));
  const owners = await index.rollup(searchBlocks, { by: ["segment"], measures: { pages: "count" } });
  const strays = owners.map(({ segment }) => segment).filter((id) => !listed.has(id) && isOld(id, now));
  if (strays.length > 0) await index.write([remove(searchBlocks, { segment: { anyOf: strays } })]);
  return strays.length;
}

function isOld(id: string, now: number): boolean {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) < now - 3_600_000;
}
