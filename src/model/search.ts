import { bytes, type Collection, id, integer, type Millis, text, time } from "./collection.ts";

/**
 * Messages that stand in the store and not yet in the index: written with them in one step, removed when a segment
 * that holds them is written. The sum of `count` is the index's lag.
 */
export interface PendingSearch {
  readonly id: string;
  readonly sessionId: string;
  /**
   * The messages' sequences, first and last included, with the tool executions that belong to them. 0 stands for the
   * tool executions that belong to no message.
   */
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** Until then somebody is indexing it; afterwards anybody may. */
  readonly claimedUntil: Millis;
}

/** The row of this id is no to-do: its `sessionId` names the store, so that an index knows whose it is. */
export const storeMark = "store";

export const pendingSearch: Collection<PendingSearch> = {
  name: "search_pending",
  key: "id",
  fields: { id, sessionId: id, first: integer, last: integer, count: integer, claimedUntil: time },
  unique: [],
  indexes: [["claimedUntil", "id"]],
};

/** One immutable piece of the index. Its parts stand in {@link SegmentBlock}s. */
export interface Segment {
  readonly id: string;
  /** By its size: segments of one tier are merged into one. */
  readonly tier: number;
  readonly documents: number;
  /** The sum of the documents' lengths, in tokens. */
  readonly tokens: number;
  /** Newer segments win where a document stands in two. */
  readonly createdAt: Millis;
  /** The segment's directory: where each part is, encoded by the index itself. */
  readonly directory: Uint8Array;
}

export const searchSegments: Collection<Segment> = {
  name: "search_segments",
  key: "id",
  fields: { id, tier: integer, documents: integer, tokens: integer, createdAt: time, directory: bytes },
  unique: [],
  indexes: [],
};

export interface SegmentBlock {
  /** `segment/number`: a segment is one run of bytes, cut into pages of one size. */
  readonly id: string;
  readonly segment: string;
  readonly data: Uint8Array;
}

export const searchBlocks: Collection<SegmentBlock> = {
  name: "search_blocks",
  key: "id",
  fields: { id, segment: id, data: bytes },
  unique: [],
  indexes: [["segment"]],
};

/**
 * Single values of the index: `format`, its version; `store`, the name of the store it was made from; `generation`, which
 * changes whenever the list of segments does; `merge`, until when somebody is merging.
 */
export interface SearchState {
  readonly id: string;
  readonly value: string;
}

export const searchState: Collection<SearchState> = {
  name: "search_state",
  key: "id",
  fields: { id, value: text },
  unique: [],
  indexes: [],
};
