import {
  boolean,
  type Collection,
  id,
  integer,
  type Millis,
  optional,
  payload,
  text,
  time,
} from "./collection.ts";

/** One value that the agents of a swarm share, as it is now. */
export interface BoardEntry {
  readonly id: string;
  readonly swarmId: string;
  readonly key: string;
  /** Any JSON value. */
  readonly value: unknown;
  /** Grows by one with each change, also when it is taken away and when it comes again. */
  readonly version: number;
  /** Who wrote it. */
  readonly agentId: string | null;
  readonly updatedAt: Millis;
  /** When it was taken away; null while it is there. */
  readonly removedAt: Millis | null;
}

export const blackboard: Collection<BoardEntry> = {
  name: "blackboard",
  key: "id",
  fields: {
    id,
    swarmId: id,
    key: text,
    value: payload,
    version: integer,
    agentId: optional(id),
    updatedAt: time,
    removedAt: optional(time),
  },
  unique: [],
  indexes: [["swarmId", "key"]],
};

/** What a value of the blackboard was: the last 1,000 versions of each. */
export interface BoardChange {
  readonly id: string;
  /** The value that was changed, by its id in `blackboard`. */
  readonly entryId: string;
  readonly version: number;
  readonly value: unknown;
  readonly agentId: string | null;
  readonly at: Millis;
  /** It was taken away. */
  readonly removed: boolean;
}

export const blackboardHistory: Collection<BoardChange> = {
  name: "blackboard_history",
  key: "id",
  fields: {
    id,
    entryId: id,
    version: integer,
    value: payload,
    agentId: optional(id),
    at: time,
    removed: boolean,
  },
  unique: [["entryId", "version"]],
  indexes: [],
};
