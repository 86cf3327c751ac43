import { type Engine, remove } from "../../engine/engine.ts";
import type { Happening } from "../../model/happening.ts";
import { newId } from "../../model/id.ts";
import { type Message, messages } from "../../model/message.ts";
import { sessions } from "../../model/session.ts";
import { fieldsOf } from "../quiet.ts";
import { saidIn } from "./items.ts";

/** What of an open store a session needs: `open()` of `loci` has it. */
export interface SessionStore {
  readonly engine: Engine;
  add(happenings: readonly Happening[]): Promise<void>;
}

/** The `Session` of OpenAI Agents: what its runner reads before a call and adds to behind it. */
export interface AgentsSession<Item> {
  getSessionId(): Promise<string>;
  /** The items in their order; with a limit the newest so many. */
  getItems(limit?: number): Promise<Item[]>;
  addItems(items: Item[]): Promise<void>;
  popItem(): Promise<Item | undefined>;
  clearSession(): Promise<void>;
}

export interface AgentsSessionOptions {
  /** The conversation; a new one unless given. `group_id` of its traces, for one session of both. */
  readonly sessionId?: string;
  readonly agentType?: string;
}

/** Items of a session are messages whose ids begin so. */
const mark = "item-";

/** A conversation kept in the store, on every engine: each call answers when it stands there. */
export function agentsSession<Item extends object>(
  store: SessionStore,
  { sessionId = newId(), agentType = "openai-agents" }: AgentsSessionOptions = {},
): AgentsSession<Item> {
  const { engine } = store;
  const where = { sessionId, id: { startsWith: mark } };
  const newest = (limit: number | undefined): Promise<Message[]> =>
    engine.find(messages, {
      where,
      orderBy: [["sequence", "down"]],
      ...(limit === undefined ? {} : { limit }),
    });
  // Calls of one session come one after the other: an item that is added later stands later.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  };
  return {
    getSessionId: async () => sessionId,
    getItems: (limit) =>
      inTurn(async () => {
        if (limit !== undefined && limit <= 0) return [];
        return (await newest(limit)).reverse().map((row) => itemOf<Item>(row));
      }),
    addItems: (items) =>
      inTurn(async () => {
        if (items.length === 0) return;
        // Who traces it knows its agent's name: a session that stands is left as it is.
        const there = await engine.find(sessions, { where: { id: sessionId }, fields: ["id"] });
        await store.add([
          ...(there.length > 0
            ? []
            : [{ kind: "session", id: sessionId, source: "openai-agents", agentType } as const]),
          ...items.map((item) => messageOf(sessionId, item)),
        ]);
      }),
    popItem: () =>
      inTurn(async () => {
        const [last] = await newest(1);
        if (last === undefined) return undefined;
        await engine.write([remove(messages, { id: last.id })]);
        return itemOf<Item>(last);
      }),
    clearSession: () => inTurn(async () => void (await engine.write([remove(messages, where)]))),
  };
}

function messageOf(sessionId: string, item: object): Happening {
  const { role, text } = saidIn(item);
  return { kind: "message", id: `${mark}${newId()}`, sessionId, role, content: text, metadata: { item } };
}

function itemOf<Item>({ metadata }: Message): Item {
  // What stands there is what `addItems` was given.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return fieldsOf(metadata)["item"] as Item;
}
