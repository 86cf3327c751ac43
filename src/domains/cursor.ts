import { LociError } from "../errors.ts";

/** An opaque place in a list: what `next` of one page holds and `after` of the next one takes. */
export function toCursor(values: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(values)).toString("base64url");
}

/** The values of a cursor, checked to be as many and of such types as `like`. */
export function fromCursor<Values extends readonly (string | number)[]>(
  cursor: string,
  like: Values,
): Values {
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    const fits =
      Array.isArray(values) &&
      values.length === like.length &&
      like.every((value, at) => typeof values[at] === typeof value);
    // Checked just above, element by element.
    if (fits) return values as unknown as Values;
  } catch {
    // Falls through to the one sentence for every cursor that is not ours.
  }
  throw new LociError("invalid", `The cursor ${JSON.stringify(cursor)} is not one of this list.`, {
    next: "Ask again without it, then go on with the `next` of that answer.",
  });
}

/** A page's size, checked. */
export function pageSize(limit: number, most: number): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= most) return limit;
  throw new LociError("invalid", `limit is a whole number from 1 to ${most}, not ${limit}.`, {
    next: "For more, go on with the `next` of the answer.",
  });
}
