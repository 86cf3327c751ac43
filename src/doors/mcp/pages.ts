import { LociError } from "../../errors.ts";
import { answerOf, type Entry, mostThatFits, nextCall } from "./fit.ts";
import { clipped } from "./recalled.ts";
import type { ToolAnswer, ToolCall } from "./tool.ts";

export interface PageSpec {
  readonly tool: string;
  /** The name of the list in the structured form. */
  readonly list: string;
  /** The arguments that the next call repeats. */
  readonly names: readonly string[];
}

/** The same call again, from a cursor: what was given, and nothing that was filled in. */
function again({ input }: ToolCall, names: readonly string[], more: string | null): Record<string, unknown> {
  const given = names.map((name) => {
    const value = input[name];
    // A moment such as 7d would be another one by then.
    const asText = (name === "since" || name === "until") && typeof value === "number";
    if (asText) return [name, new Date(value).toISOString()] as const;
    return [name, Array.isArray(value) && value.length === 0 ? undefined : value] as const;
  });
  return { ...Object.fromEntries(given), cursor: more };
}

export interface Paged {
  readonly entries: readonly Entry[];
  readonly head: string;
  /** The cursor behind so many of the entries; null at the end; undefined where only a page of that size has it. */
  next(shown: number): string | null | undefined;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** A page that fits: where fewer than asked for do, it is asked for again, so that its cursor is behind the last one. */
export async function fittedPage(
  call: ToolCall,
  spec: PageSpec,
  read: (limit: number) => Promise<Paged>,
): Promise<ToolAnswer> {
  const make = ({ entries, head, next, data = {} }: Paged, shown: number): ToolAnswer => {
    // A cursor that is not known yet is one of about this length.
    const place = next(shown) === undefined ? "x".repeat(200) : (next(shown) ?? null);
    return answerOf({
      head,
      list: spec.list,
      entries: entries.slice(0, shown),
      data,
      ...(place === null ? {} : { rest: nextCall(spec.tool, again(call, spec.names, place)) }),
    });
  };
  for (let limit = Number(call.input["limit"]); ; ) {
    const page = await read(limit);
    const all = page.entries.length;
    if (all === 0) return make(page, 0);
    const count = mostThatFits({ least: 1, most: all }, call.room, (most) => make(page, most));
    // Fewer may say more of each, and so not fit either: then it is fewer still.
    if (count === all || page.next(count) !== undefined) return make(page, count);
    limit = count;
  }
}

/** A search's cursor here is how many hits were shown: the search's own has kilobytes, and a model would copy it. */
export function readOffset(given: unknown): number {
  if (given === undefined) return 0;
  const found = /^\d{1,3}$/.test(String(given)) ? Number(given) : Number.NaN;
  if (found < mostHits) return found;
  throw new LociError(
    "invalid",
    `The cursor ${JSON.stringify(clipped(String(given), 60))} is not one of a search.`,
    {
      next: "Leave cursor out, then go on with the one of that answer; or ask with rarer words.",
    },
  );
}

/** As many as a search answers at once. */
export const mostHits = 500;
