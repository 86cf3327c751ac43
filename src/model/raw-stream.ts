import { type Collection, id, integer, type Millis, optional, payload, text, time } from "./collection.ts";

/** The lines of one session, or of a part of it, as a program wrote them while it ran. They stand in `raw_events`. */
export interface RawStream {
  /** Made from scope, session and subpath. */
  readonly id: string;
  /** The session that its lines belong to. */
  readonly sessionId: string;
  /** The session that the program named: for a sub-agent, the one that started it. */
  readonly rootId: string;
  /** What keeps apart sessions of one id: the project key of Claude's SessionStore; "" elsewhere. */
  readonly scope: string;
  /** The part below the session, or "" for its own lines. */
  readonly subpath: string;
  readonly source: string;
  /** The program's version that wrote the newest lines. */
  readonly version: string | null;
  readonly lines: number;
  /** What a list of sessions shows of it, in its program's own form. */
  readonly summary: unknown;
  /** What the reader of the source has to know to go on at the next line. */
  readonly state: unknown;
  /** It was removed: lines up to this one are gone, and are not taken in when they come late. */
  readonly removedUpTo: string | null;
  readonly createdAt: Millis;
  /** When its newest line was noted. */
  readonly updatedAt: Millis;
}

export const rawStreams: Collection<RawStream> = {
  name: "raw_streams",
  key: "id",
  fields: {
    id,
    sessionId: id,
    rootId: id,
    scope: text,
    subpath: text,
    source: text,
    version: optional(text),
    lines: integer,
    summary: payload,
    state: payload,
    removedUpTo: optional(id),
    createdAt: time,
    updatedAt: time,
  },
  unique: [],
  indexes: [["rootId"], ["sessionId"], ["scope", "updatedAt"]],
};
