import type { Message } from "./message.ts";
import type { ModelCall } from "./model-call.ts";
import type { Session } from "./session.ts";
import type { ToolExecution } from "./tool-execution.ts";

/** A moment as a program may give it: milliseconds, an ISO 8601 text, or a Date. */
export type Moment = number | string | Date;

type Given<Row, Times extends keyof Row, Required extends keyof Row> = {
  readonly [Name in Required]: Row[Name];
} & {
  readonly [Name in Exclude<keyof Row, Required>]?:
    | (Name extends Times ? Moment | Extract<Row[Name], null> : Row[Name])
    | undefined;
};

/**
 * Our own record of one thing that took place: what the recorder accepts, what a source makes of a runtime's events,
 * and, one JSON object a line, the interchange format of `loci import --source loci` and `loci export`
 * (docs/SPEC.md). Fields are those of the stored rows; what is left out keeps its value, or gets its default when the
 * row is new. The same id again means the same row again: a message is then left as it is, a session, a tool
 * execution or a model call takes the fields that are given.
 */
export type Happening =
  | ({ readonly kind: "session" } & Given<Session, "startedAt" | "endedAt" | "updatedAt", "id">)
  | ({ readonly kind: "message" } & Given<Message, "createdAt", "sessionId" | "role">)
  | ({ readonly kind: "toolExecution" } & Omit<
      Given<ToolExecution, "startedAt" | "endedAt", "sessionId" | "toolName">,
      "output"
    > & {
        /** Text is kept as it is; any other value becomes JSON text. */
        readonly output?: unknown;
      })
  | ({ readonly kind: "modelCall" } & Given<ModelCall, "startedAt", "sessionId" | "model">)
  | RawHappening;

/**
 * One line or event exactly as a program wrote it. It is kept as it is (without secrets) in `raw_events`, once for each
 * name: its `uuid`, else its `position`. One without a name is kept each time. Lines of a source that is read as it
 * comes (docs/recorder.md) also become the rows of their session.
 */
export interface RawHappening {
  readonly kind: "rawEvent";
  /** The recorder makes it: lines stand in the order in which they were noted. */
  readonly id?: string | undefined;
  readonly sessionId: string;
  /** The part of the session that it belongs to: a sub-agent's file. Left out for the session's own. */
  readonly subpath?: string | undefined;
  /** Keeps apart sessions of one id. */
  readonly scope?: string | undefined;
  readonly source: string;
  /** The program's version that wrote it. */
  readonly version?: string | undefined;
  readonly uuid?: string | undefined;
  readonly position?: number | undefined;
  /** The line without its end. */
  readonly line: string;
  /** All lines so far are removed, and those below it where it has no subpath; `line` is "". */
  readonly removed?: true | undefined;
}

/** The happenings that are a row each. */
export type RowHappening = Exclude<Happening, RawHappening>;

export type RowKind = RowHappening["kind"];

/** A happening that the recorder took in: complete with its id and its moment. */
export type Noted = Happening & { readonly id: string; readonly at: number };
