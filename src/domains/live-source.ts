import type { Engine } from "../engine/engine.ts";
import type { Happening } from "../model/happening.ts";
import type { RawStream } from "../model/raw-stream.ts";

/** The lines of one stream become happenings, in their order, over any number of batches. */
export interface LineReader {
  /** `at` is when the line was noted. One that cannot be read is kept raw, and nothing else. */
  read(line: string, out: Happening[], at: number): void;
  /** What is known of the session by now; called at the end of every batch. */
  flush(out: Happening[]): void;
  /** Plain JSON: a reader made with it goes on at the next line. */
  readonly state: unknown;
  /** What a list of sessions shows of it, in the program's own form. */
  readonly summary: unknown;
}

export type StreamName = Pick<RawStream, "sessionId" | "rootId" | "subpath">;

/** A source whose lines become the rows of their session as they come. */
export interface LiveSource {
  /** The session that lines of this part of a session belong to. */
  readonly sessionOf: (rootId: string, subpath: string) => string;
  /** `state` is what a reader before left, or null. `at` stands in for the moment of lines that name none. */
  readonly reader: (
    stream: StreamName,
    from: { readonly at: number; readonly state: unknown; readonly summary: unknown },
  ) => LineReader;
  /** What only the parts of a session tell together. Called with all of them, those of other sources too. */
  readonly together: (
    engine: Engine,
    rootId: string,
    parts: readonly ReadPart[],
  ) => Promise<readonly Happening[]>;
}

/** A part of a session, and the state of its reader. */
export type ReadPart = Pick<RawStream, "source" | "state">;

export type LiveSources = Readonly<Record<string, LiveSource | undefined>>;
