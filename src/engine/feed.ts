import { LociError } from "../errors.ts";
import type { AnyCollection } from "../model/collection.ts";
import type { RowVersion } from "../model/sync.ts";

export interface FeedQuery {
  /** What an earlier page said; null reads from the beginning. */
  readonly after: string | null;
  readonly limit: number;
  /** Leaves out what was taken over from that store. */
  readonly notVia?: string | undefined;
  /** Names; default all. */
  readonly collections?: readonly string[] | undefined;
}

export interface FeedPage {
  readonly versions: RowVersion[];
  /** Behind these versions, and behind those that were left out. */
  readonly cursor: string;
  /** The store's id, as `start` answers it. */
  readonly store: string;
  /**
   * The cursor was none of this feed: the store is another one, or was taken back from a backup. The page is then the
   * first one.
   */
  readonly anew: boolean;
}

/** Rows to read by their keys. */
export interface Finding {
  readonly from: AnyCollection;
  readonly keys: readonly string[];
}

export interface Applied {
  /** As `write` answers them. */
  readonly counts: number[];
  /** Of each finding the rows that are there, by key; none at all where a guard did not hold. */
  readonly found: Array<Array<Readonly<Record<string, unknown>>>>;
}

/** The limit of a page, checked. */
export function pageSize({ limit }: Pick<FeedQuery, "limit">): number {
  if (Number.isSafeInteger(limit) && limit > 0) return limit;
  throw new LociError("invalid", `The limit of a page of the feed is a whole number from 1, not ${limit}.`);
}
