import { type Collection, id, type Millis, optional, payload, text, time } from "./collection.ts";

/** The state of a run at one moment, as the program saved it: what it goes on from. It is never changed. */
export interface Checkpoint {
  readonly id: string;
  readonly sessionId: string | null;
  /** What kind of state it is, in the program's words: `plan`, `before-deploy`. */
  readonly type: string;
  /** Any JSON value. */
  readonly data: unknown;
  readonly createdAt: Millis;
  readonly projectId: string | null;
  /** The checkpoint that this one was forked from. */
  readonly parentId: string | null;
}

export const checkpoints: Collection<Checkpoint> = {
  name: "checkpoints",
  key: "id",
  fields: {
    id,
    sessionId: optional(id),
    type: text,
    data: payload,
    createdAt: time,
    projectId: optional(id),
    parentId: optional(id),
  },
  unique: [],
  indexes: [["sessionId", "createdAt"], ["projectId", "createdAt"], ["parentId"], ["createdAt"]],
};
