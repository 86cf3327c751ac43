import { notice } from "./recalled.ts";
import type { ToolAnswer } from "./tool.ts";

/** One thing of a list, in both forms. */
export interface Entry {
  readonly text: string;
  readonly data: object;
}

export interface Listing {
  /** The first line: what this is, and how much there is. */
  readonly head: string;
  /** The name of the list in the structured form. */
  readonly list: string;
  readonly entries: readonly Entry[];
  /** A recorded line above the entries, such as the names of columns. */
  readonly title?: string;
  /** What stands beside the list. */
  readonly data?: Readonly<Record<string, unknown>>;
  /** What to say and do where something is left: the last line, and fields of the structured form. */
  readonly rest?: Rest;
}

export interface Rest {
  readonly said: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The same list in both forms. */
export function answerOf({ head, list, entries, title, data = {}, rest }: Listing): ToolAnswer {
  const recorded = [...(title === undefined ? [] : [title]), ...entries.map(({ text }) => text)];
  const lines = [head, ...(recorded.length > 0 ? [notice, ...recorded] : [])];
  if (rest !== undefined) lines.push(rest.said);
  return {
    text: lines.join("\n"),
    data: {
      ...data,
      [list]: entries.map((entry) => entry.data),
      ...(recorded.length > 0 ? { notice } : {}),
      ...rest?.data,
    },
  };
}

export function fits(answer: ToolAnswer, room: number): boolean {
  return answer.text.length <= room && JSON.stringify(answer.data).length <= room;
}

/** The greatest count from `least` to `most` for which the answer fits; `least` where none does. */
export function mostThatFits(
  { least, most }: { readonly least: number; readonly most: number },
  room: number,
  make: (count: number) => ToolAnswer,
): number {
  if (fits(make(most), room)) return most;
  let [low, high] = [least, most];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (fits(make(middle), room)) low = middle;
    else high = middle;
  }
  return low;
}

/** The call that goes on, as it is typed: `get_session {"id":"k3f9","cursor":"41.0"}`. */
export function nextCall(tool: string, args: Readonly<Record<string, unknown>>): Rest {
  const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined));
  return {
    said: `More: call ${tool} with ${JSON.stringify(given)}`,
    data: { next: { tool, arguments: given } },
  };
}

/** A list that is short by nature; where it is not, it says what was left out. */
export function shortList(listing: Listing, room: number): ToolAnswer {
  const make = (count: number): ToolAnswer => {
    const left = listing.entries.length - count;
    const rest = { said: `${left} more: ask with a larger max_tokens`, data: { left_out: left } };
    return answerOf({ ...listing, entries: listing.entries.slice(0, count), ...(left > 0 ? { rest } : {}) });
  };
  return make(mostThatFits({ least: 0, most: listing.entries.length }, room, make));
}
