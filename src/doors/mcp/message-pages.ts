import { LociError } from "../../errors.ts";
import type { MessageItem } from "../../operations/answers.ts";
import { answerOf, type Entry, mostThatFits, type Rest } from "./fit.ts";
import { age, clipped, named, quoted, whole } from "./recalled.ts";
import type { ToolAnswer } from "./tool.ts";

/** Where reading goes on: at this message, behind so many of its characters. `41.0` as a cursor. */
interface Place {
  readonly sequence: number | undefined;
  readonly offset: number;
}

export interface ShownMessage {
  readonly message: MessageItem;
  readonly tools: readonly object[];
}

interface PageOptions {
  readonly head: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Characters of the first message that were read already. */
  readonly offset: number;
  readonly room: number;
  readonly now: number;
  next(cursor: string): Rest;
  /** The number of the last message. */
  readonly last: number;
}

function read(cursor: unknown): Place {
  if (cursor === undefined) return { sequence: undefined, offset: 0 };
  const found = /^(\d{1,15})\.(\d{1,15})$/.exec(String(cursor));
  if (found && Number(found[1]) > 0) return { sequence: Number(found[1]), offset: Number(found[2]) };
  throw new LociError(
    "invalid",
    `The cursor ${JSON.stringify(clipped(String(cursor), 60))} is not one of a session.`,
    {
      next: "Leave cursor out, then go on with the one of that answer.",
    },
  );
}

/** One message, or the piece of it from one character to another. */
function entryOf({ message, tools }: ShownMessage, now: number, piece: { from: number; to?: number }): Entry {
  const content = message.content ?? "";
  const to = Math.min(content.length, piece.to ?? content.length);
  const part = content.slice(piece.from, to);
  const cut = piece.from > 0 || to < content.length;
  const span = cut ? ` · characters ${piece.from + 1} to ${to} of ${content.length}` : "";
  const lines = [`#${message.sequence} ${named(message.role, 60)} · ${age(message.createdAt, now)}${span}`];
  if (part !== "") lines.push(quoted(part));
  for (const tool of tools) lines.push(quoted(`tool ${JSON.stringify(tool)}`));
  const metadata = shortMetadata(message.metadata);
  if (metadata !== undefined) lines.push(quoted(`metadata ${JSON.stringify(metadata)}`));
  return {
    text: lines.join("\n"),
    data: {
      id: message.id,
      session_id: message.sessionId,
      sequence: message.sequence,
      role: clipped(message.role, 60),
      content: part,
      ...(cut ? { characters: { from: piece.from + 1, to, of: content.length } } : {}),
      ...(tools.length > 0 ? { tools } : {}),
      ...(metadata === undefined ? {} : { metadata }),
      created_at: message.createdAt,
    },
  };
}

/** What a runtime notes of every message is large and says little; what a person gave is small. */
function shortMetadata(metadata: unknown): unknown {
  if (metadata === null || metadata === undefined) return undefined;
  const text = JSON.stringify(metadata);
  return text.length <= 1_000 ? metadata : { cut: clipped(text, 300) };
}

/** As many messages as fit; of one that does not fit alone, as many characters. The rest is behind the cursor. */
function answer(shown: readonly ShownMessage[], options: PageOptions): ToolAnswer {
  const { head, data, room, now, next, last } = options;
  const [first] = shown;
  const offset = Math.min(options.offset, first?.message.content?.length ?? 0);
  if (first === undefined) {
    return answerOf({
      head: `${head}\nNo message is there from here on.`,
      list: "messages",
      entries: [],
      data,
    });
  }
  const end = shown.at(-1)?.message.sequence ?? 0;
  const make = (count: number): ToolAnswer => {
    const entries = shown
      .slice(0, count)
      .map((one, index) => entryOf(one, now, { from: index === 0 ? offset : 0 }));
    const following = shown[count]?.message.sequence ?? (end < last ? end + 1 : undefined);
    return answerOf({
      head,
      list: "messages",
      entries,
      data,
      ...(following === undefined ? {} : { rest: next(`${following}.0`) }),
    });
  };
  const count = mostThatFits({ least: 0, most: shown.length }, room, make);
  if (count > 0) return make(count);

  const content = first.message.content ?? "";
  const { sequence } = first.message;
  const cut = (length: number): ToolAnswer => {
    const to = offset + whole(content.slice(offset), length).length;
    const rest = next(to < content.length ? `${sequence}.${to}` : `${sequence + 1}.0`);
    // Its tools are shown with its last piece.
    const piece =
      to < content.length ? { ...first, tools: [] } : { ...first, tools: fewer(first.tools, room) };
    return answerOf({
      head,
      list: "messages",
      entries: [entryOf(piece, now, { from: offset, to })],
      data,
      rest,
    });
  };
  const left = content.length - offset;
  const length = mostThatFits({ least: Math.min(2, left), most: left }, room, cut);
  return cut(length);
}

/** A message with a hundred calls: as many as have room beside it. */
function fewer(tools: readonly object[], room: number): readonly object[] {
  const kept = tools.filter((_, index) => JSON.stringify(tools.slice(0, index + 1)).length < room / 3);
  return kept.length === tools.length ? tools : [...kept, { left_out: tools.length - kept.length }];
}

export interface MessagePages {
  readonly read: typeof read;
  readonly answer: typeof answer;
  readonly entryOf: typeof entryOf;
}

export const messagePages: MessagePages = { read, answer, entryOf };
