import type { Engine } from "../../engine/engine.ts";
import { compareText } from "../../engine/text.ts";
import { type RowVersion, syncVersions } from "../../model/sync.ts";
import type { Difference } from "../report.ts";
import { syncNames } from "../tables.ts";
import type { Context } from "./context.ts";
import { covers, sameStamp } from "./merge.ts";

export const page = 500;

/** What one and the other say of a row. */
export interface Pair {
  readonly id: string;
  readonly here: RowVersion | undefined;
  readonly there: RowVersion | undefined;
}

export interface Pages {
  /** Versions in the order of their ids, from the first that was not taken. */
  peek(): Promise<RowVersion | undefined>;
  take(): void;
}

/** Those behind `from`, or all. */
export function pagesOf(engine: Engine, from: string | null = null): Pages {
  let list: RowVersion[] = [];
  let at = 0;
  let isEnd = false;
  return {
    async peek() {
      if (at === list.length && !isEnd) {
        const last = list.at(-1)?.id ?? from;
        list = await engine.find(syncVersions, {
          where: { collection: { anyOf: syncNames } },
          limit: page,
          ...(last === null ? {} : { after: { id: last } }),
        });
        at = 0;
        isEnd = list.length < page;
      }
      return list[at];
    },
    take: () => void at++,
  };
}

/** The next of both, side by side. */
export async function nextPairs(ours: Pages, theirs: Pages, count: number = page): Promise<Pair[]> {
  const pairs: Pair[] = [];
  while (pairs.length < count) {
    const [here, there] = [await ours.peek(), await theirs.peek()];
    if (here === undefined && there === undefined) break;
    const way = here === undefined ? 1 : there === undefined ? -1 : Math.sign(compareText(here.id, there.id));
    if (way <= 0) ours.take();
    if (way >= 0) theirs.take();
    const pair = { here: way <= 0 ? here : undefined, there: way >= 0 ? there : undefined };
    pairs.push({ id: (pair.here ?? pair.there)?.id ?? "", ...pair });
  }
  return pairs;
}

export interface Found {
  readonly pair: Pair;
  readonly difference: Difference;
}

/** A store that only sends is not behind, and one that only takes is not ahead. */
export function versionsApart(
  { mode }: Pick<Context, "mode">,
  { here, there }: Pair,
): Difference["what"] | undefined {
  if (there === undefined) return mode === "pull" ? undefined : "missing there";
  if (here === undefined) return mode === "push" ? undefined : "missing here";
  if (
    mode === "push" ? covers(there, here) : mode === "pull" ? covers(here, there) : sameStamp(here, there)
  ) {
    return undefined;
  }
  if (here.clock > there.clock && mode !== "pull") return "older there";
  if (here.clock < there.clock && mode !== "push") return "older here";
  return "apart";
}

export function differenceOf({ id, here, there }: Pair, what: Difference["what"]): Difference {
  const { collection = "", rowKey = id } = here ?? there ?? {};
  return { collection, rowKey, what };
}
