import { errorCode } from "../../errors.ts";
import type { Brought, Tie } from "./context.ts";
import { type Ground, land } from "./land.ts";
import type { Incoming } from "./plan.ts";

/** Brings rows in; one that the store refuses is named, and holds up no other. */
export async function bring(
  ground: Ground,
  incoming: readonly Incoming[],
  how: { readonly isNew?: boolean; readonly tie?: Tie | undefined } = {},
): Promise<Brought> {
  const brought: Brought = { written: 0, merged: 0, clashes: [], mismatches: [], refused: [] };
  const some = async (rows: readonly Incoming[], isNew: boolean): Promise<void> => {
    if (rows.length === 0) return;
    try {
      const landed = await land(ground, rows, { isNew, tie: how.tie });
      brought.written += landed.written;
      brought.merged += landed.merged;
      brought.clashes.push(...landed.clashes);
      brought.mismatches.push(...landed.mismatches);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const [first] = rows;
      if (rows.length === 1 && first !== undefined) {
        const { collection, rowKey, sessionId, id } = first.version;
        brought.refused.push({ collection, rowKey, sessionId, id, reason: sentenceOf(error) });
        return;
      }
      const half = rows.length >> 1;
      await some(rows.slice(0, half), isNew);
      await some(rows.slice(half), isNew);
    }
  };
  await some(incoming, how.isNew ?? false);
  return brought;
}

/** The rows are at fault, and not the store: asking again would answer the same. */
export function isRefusal(error: unknown): boolean {
  const code = errorCode(error);
  return (
    code === "invalid" || code === "too-large" || error instanceof TypeError || error instanceof RangeError
  );
}

export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
