import type { Operation, Params } from "../../../operations/operation.ts";
import { answerOf, fits, type Listing, shortList } from "../fit.ts";
import { clipped, quoted } from "../recalled.ts";
import type { Tool, ToolAnswer, ToolCall, Writes } from "../tool.ts";

/** One verb of claude-flow's, over an operation of ours. Arguments of its that mean nothing here are taken and left. */
export interface Alias {
  readonly name: string;
  readonly description: string;
  readonly operation: Operation;
  readonly params: Params;
  readonly writes?: Writes;
  run(call: ToolCall): Promise<Said>;
}

/** What it did, in a line of ours, and what was stored, which is quoted. */
export interface Said {
  readonly head: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly list?: { readonly name: string; readonly items: readonly object[] };
}

export function alias({ run, ...spec }: Alias): Tool {
  return {
    ...spec,
    toolset: "claude-flow",
    takesAnything: true,
    run: async (call) => answer(await run(call), call.room),
  };
}

function answer({ head, data = {}, list }: Said, room: number): ToolAnswer {
  if (list !== undefined) {
    const entries = list.items.map((item) => ({
      text: quoted(clipped(JSON.stringify(item), 1_000)),
      data: item,
    }));
    return shortList({ head, list: list.name, entries, data }, room);
  }
  const shown = Object.keys(data).length === 0 ? [] : [{ text: quoted(JSON.stringify(data)), data: {} }];
  const listing: Listing = { head, list: "entries", entries: shown };
  const { text, data: about } = answerOf(listing);
  const { entries: _, ...rest } = about;
  const whole = { text, data: { ...data, ...rest } };
  if (fits(whole, room)) return whole;
  const cut = clipped(JSON.stringify(data), Math.floor(room / 3));
  const left = "It is longer than max_tokens: ask with a larger one.";
  return {
    text: `${answerOf({ ...listing, entries: [{ text: quoted(cut), data: {} }] }).text}\n${left}`,
    data: { cut, left_out: left },
  };
}

export const text = { kind: "string", summary: "" } as const;
export const given = { kind: "string", required: true, summary: "" } as const;
