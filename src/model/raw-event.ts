import {
  bytes,
  type Collection,
  id,
  integer,
  json,
  type Millis,
  optional,
  text,
  time,
} from "./collection.ts";

/**
 * A run of consecutive lines exactly as a runtime wrote them, compressed together: single lines would take three
 * times the space. Everything else we store of a session can be made again from these.
 */
export interface RawEvent {
  readonly id: string;
  readonly sessionId: string;
  /** The file below the session's own, or "" for the main one. */
  readonly subpath: string;
  /** The number of its first line, from 1; 0 in a stream, whose blocks stand in the order of their ids. */
  readonly position: number;
  readonly lines: number;
  /** Where the block starts in the original, and how long it is there, in bytes. */
  readonly offset: number;
  readonly bytes: number;
  /** 1, and one more each time the file was found rewritten; earlier generations are kept. 0 in a stream. */
  readonly generation: number;
  readonly source: string;
  /** The program's version that wrote the lines, as they say it. */
  readonly version: string | null;
  /** The original bytes, Brotli-compressed. */
  readonly payload: Uint8Array;
  /** The raw stream that its lines came by, where they were recorded as they were written; null for those of a file. */
  readonly stream: string | null;
  /** Eight bytes a line of a stream, made from what names the line: what is there already is not kept again. */
  readonly keys: Uint8Array | null;
}

export const rawEvents: Collection<RawEvent> = {
  name: "raw_events",
  key: "id",
  fields: {
    id,
    sessionId: id,
    subpath: text,
    position: integer,
    lines: integer,
    offset: integer,
    bytes: integer,
    generation: integer,
    source: text,
    version: optional(text),
    payload: bytes,
    stream: optional(id),
    keys: optional(bytes),
  },
  unique: [],
  indexes: [["sessionId", "generation", "position"]],
};

/** How far a file was read, so that the next import reads what was appended and nothing else. */
export interface ImportedFile {
  /** The session the file became; for an interchange file, the hash of its path. */
  readonly id: string;
  readonly path: string;
  readonly source: string;
  /** Bytes read so far. */
  readonly offset: number;
  readonly lines: number;
  readonly unreadable: number;
  readonly generation: number;
  /** The file's size and time when it was last read to its end. */
  readonly size: number;
  readonly modifiedAt: Millis;
  /** Hashes of the first and the last bytes read: what tells an appended file from a rewritten one. */
  readonly head: string;
  readonly tail: string;
  /** What the parser has to know to go on at `offset`. */
  readonly state: unknown;
  readonly importedAt: Millis;
}

export const importedFiles: Collection<ImportedFile> = {
  name: "imported_files",
  key: "id",
  fields: {
    id,
    path: text,
    source: text,
    offset: integer,
    lines: integer,
    unreadable: integer,
    generation: integer,
    size: integer,
    modifiedAt: time,
    head: text,
    tail: text,
    state: json,
    importedAt: time,
  },
  unique: [],
  indexes: [],
};
