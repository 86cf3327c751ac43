import { LociError } from "../../errors.ts";
import { answerOf, type Entry, fits, mostThatFits, nextCall } from "./fit.ts";
import { clipped, quoted, whole } from "./recalled.ts";
import type { ToolAnswer } from "./tool.ts";

/** A text that may be longer than an answer. It is read on by a cursor, `ID.OFFSET`. */
export interface LongText {
  readonly id: string;
  /** Our line above it: what it is, from whom, how old. */
  readonly head: string;
  /** Recorded words above the text, such as a topic. */
  readonly title?: string;
  readonly text: string;
  /** What stands beside the text in the structured form. */
  readonly data: Readonly<Record<string, unknown>>;
  /** The name of the text there. */
  readonly name: string;
  /** What stands there instead of the text, where all of it is shown. */
  readonly whole?: Readonly<Record<string, unknown>>;
}

export interface Place {
  readonly id: string;
  readonly offset: number;
}

/** The place of a cursor; undefined where the cursor is of another sort, such as a list's. */
export function placeOf(cursor: unknown): Place | undefined {
  const [, id, offset] = /^(.{1,200})\.(\d{1,12})$/s.exec(typeof cursor === "string" ? cursor : "") ?? [];
  return id === undefined ? undefined : { id, offset: Number(offset) };
}

/** The call that reads a text on. */
export interface Reading {
  readonly tool: string;
  /** What it takes beside the cursor. */
  readonly args?: Readonly<Record<string, unknown>>;
}

/** One of a list: its beginning where it is long, and the cursor that the rest is behind. */
export function entryOf(long: LongText, most: number, { tool, args }: Reading): Entry {
  const part = beginning(long.text, most);
  if (part.length === long.text.length) {
    return {
      text: lines(long, long.head, long.text),
      data: { ...long.data, ...wholeOf(long) },
    };
  }
  const next = { ...args, cursor: `${long.id}.${part.length}` };
  const said = `characters 1 to ${part.length} of ${long.text.length}; the rest: ${tool} ${JSON.stringify(next)}`;
  return {
    text: lines(long, `${long.head} · ${said}`, part),
    data: {
      ...long.data,
      [`${long.name}_begins`]: part,
      characters: long.text.length,
      rest: { tool, arguments: next },
    },
  };
}

/** So much of a text as has at most so many characters quoted, and as JSON: there one may become six. */
function beginning(text: string, most: number): string {
  const long = Math.min(text.length, most);
  const make = (length: number): ToolAnswer => {
    const part = whole(text, length);
    return { text: quoted(part), data: { part } };
  };
  // The name of the field and its quotation marks.
  return whole(text, mostThatFits({ least: Math.min(2, long), most: long }, most + 11, make));
}

function lines({ title }: LongText, head: string, part: string): string {
  return [head, ...(title === undefined ? [] : [quoted(title)]), quoted(part)].join("\n");
}

function wholeOf({ whole: fields, name, text }: LongText): Readonly<Record<string, unknown>> {
  return fields ?? { [name]: text };
}

/** The notice, the next call and what says where the rest of a text is. */
const frame = 600;

/** So many characters of each text of a list, in each form, that all of a usual page have room. */
export function share(room: number, count: number): number {
  return Math.max(300, Math.floor((room - frame) / (2 * Math.max(1, count))));
}

interface PieceOptions extends Reading {
  readonly offset: number;
  readonly room: number;
}

/** One text alone: all of it where it fits, else as much as does, and the call for the rest. */
export function pieceOf(long: LongText, { tool, args, offset, room }: PieceOptions): ToolAnswer {
  const { text, head, data, name, title } = long;
  if (offset > text.length) {
    throw new LociError("invalid", `The text of ${clipped(long.id, 200)} has ${text.length} characters.`, {
      next: "Leave cursor out, then go on with the one of that answer.",
    });
  }
  const make = (length: number): ToolAnswer => {
    const part = whole(text.slice(offset), length);
    const to = offset + part.length;
    const complete = offset === 0 && to === text.length;
    const about = complete
      ? wholeOf(long)
      : { [`${name}_piece`]: part, characters: { from: offset + 1, to, of: text.length } };
    const listing = {
      head: complete ? head : `${head} · characters ${offset + 1} to ${to} of ${text.length}`,
      list: "entries",
      entries: [{ text: quoted(part), data: {} }],
      ...(title === undefined ? {} : { title: quoted(title) }),
      ...(to < text.length ? { rest: nextCall(tool, { ...args, cursor: `${long.id}.${to}` }) } : {}),
    };
    const { text: said, data: kept } = answerOf(listing);
    const { entries: _, ...rest } = kept;
    return { text: said, data: { ...data, ...about, ...rest } };
  };
  const left = text.length - offset;
  if (fits(make(left), room)) return make(left);
  return make(mostThatFits({ least: Math.min(2, left), most: left }, room, make));
}
