import { LociError } from "../errors.ts";

/** An opaque place in a list: what `next` of one page holds and `after` of the next one takes. */
export function toCursor(at: number, id: string): string {
  return Buffer.from(JSON.stringify([at, id])).toString("base64url");
}

/** A cursor's moment and id. Errors: `invalid`. */
export function fromCursor(cursor: string): readonly [at: number, id: string] {
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    const [at, id]: unknown[] = Array.isArray(values) ? values : [];
    if (typeof at === "number" && typeof id === "string") return [at, id];
  } catch {
    // Falls through to the one sentence for every cursor that is not ours.
  }
  throw new LociError(
    "invalid",
    `The cursor ${JSON.stringify(cursor.slice(0, 60))} is not one of this list.`,
    {
      next: "Ask again without it, then go on with the `next` of that answer.",
    },
  );
}

/** A page's size, checked. */
export function pageSize(limit: number, most: number): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= most) return limit;
  throw new LociError("invalid", `limit is a whole number from 1 to ${most}, not ${limit}.`, {
    next: "For more, go on with the `next` of the answer.",
  });
}
