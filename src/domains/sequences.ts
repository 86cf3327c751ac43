import { type Change, type Engine, insert } from "../engine/engine.ts";
import { type Message, messages } from "../model/message.ts";
import { type MessagePart, messageRow } from "./rows.ts";

/** The last message of a session, as far as this process knows. */
interface Last {
  readonly id: string | null;
  readonly sequence: number;
}

/** How many sessions are remembered; beyond it the store is asked again. */
const remembered = 1_000;

export interface Sequences {
  /** Rows for these messages: one without a sequence gets the next one of its session. */
  number(parts: Iterable<MessagePart>, heard: ReadonlyMap<string, number>): Promise<Message[]>;
  /** Messages of a session were taken away: its last is read anew. */
  forget(sessionId: string): void;
  /** The newest message of a session, or null. */
  newest(sessionId: string): Promise<string | null>;
  /**
   * Writes `changes`, which insert these messages. A message can be left out for two reasons: its id is there (it was
   * written before: right), or another writer took its sequence. Then it is written again with the next free one,
   * with `beside` what that asks for, until all stand.
   */
  write(
    changes: readonly Change[],
    rows: readonly Message[],
    beside: (rows: readonly Message[]) => Promise<Change>,
  ): Promise<void>;
}

export function createSequences(engine: Engine): Sequences {
  const lasts = new Map<string, Last>();
  /** Sessions of which another process may have written what we are given: a spool is read again after a crash. */
  const doubtful = new Set<string>();

  async function lastOf(sessionId: string): Promise<Last> {
    const known = lasts.get(sessionId);
    if (known !== undefined) return known;
    const last = await readLast(engine, sessionId);
    if (lasts.size >= remembered) lasts.clear();
    lasts.set(sessionId, last);
    if (last.sequence > 0) doubtful.add(sessionId);
    return last;
  }

  async function next(sessionId: string, id: string): Promise<number> {
    const sequence = (await lastOf(sessionId)).sequence + 1;
    lasts.set(sessionId, { id, sequence });
    return sequence;
  }

  /**
   * The sequences of those that stand already: numbered anew, they would leave a gap. The last of the session is read
   * before, so that one who writes in between is met by the unique sequence.
   */
  async function standing(parts: readonly MessagePart[]): Promise<Map<string, number>> {
    for (const { sessionId } of parts) await lastOf(sessionId);
    const asked = parts.filter(({ sessionId }) => doubtful.has(sessionId));
    if (asked.length === 0) return new Map();
    const where = { id: { anyOf: asked.map(({ id }) => id) } };
    const there = await engine.find(messages, { where, fields: ["id", "sessionId", "sequence"] });
    const replayed = new Set(there.map(({ sessionId }) => sessionId));
    for (const { sessionId } of asked) if (!replayed.has(sessionId)) doubtful.delete(sessionId);
    return new Map(there.map(({ id, sequence }) => [id, sequence]));
  }

  return {
    async number(parts, heard) {
      const all = [...parts];
      const there = await standing(all.filter(({ sequence }) => sequence === undefined));
      const rows: Message[] = [];
      for (const part of all) {
        const sequence = part.sequence ?? there.get(part.id) ?? (await next(part.sessionId, part.id));
        const last = lasts.get(part.sessionId);
        if (last !== undefined && sequence > last.sequence)
          lasts.set(part.sessionId, { id: part.id, sequence });
        rows.push(messageRow(part, sequence, heard.get(part.id) ?? 0));
      }
      return rows;
    },

    forget: (sessionId) => void lasts.delete(sessionId),

    newest: async (sessionId) => (await lastOf(sessionId)).id,

    async write(changes, rows, beside) {
      const at = changes.findIndex((change) => change.kind === "insert" && change.into === messages);
      let open = rows;
      let written = (await engine.write(changes))[at] ?? 0;
      while (written < open.length) {
        open = await missing(engine, open);
        for (const row of open) lasts.delete(row.sessionId);
        const again: Message[] = [];
        for (const row of open) again.push({ ...row, sequence: await next(row.sessionId, row.id) });
        open = again;
        if (open.length === 0) return;
        written = (await engine.write([insert(messages, open), await beside(open)]))[0] ?? 0;
      }
    },
  };
}

async function missing(engine: Engine, rows: readonly Message[]): Promise<Message[]> {
  const ids = rows.map((row) => row.id);
  const there = await engine.find(messages, { where: { id: { anyOf: ids } }, fields: ["id"] });
  const known = new Set(there.map((row) => row.id));
  return rows.filter((row) => !known.has(row.id));
}

async function readLast(engine: Engine, sessionId: string): Promise<Last> {
  const [newest] = await engine.find(messages, {
    where: { sessionId },
    orderBy: [["sequence", "down"]],
    limit: 1,
    fields: ["id", "sequence"],
  });
  return newest ?? { id: null, sequence: 0 };
}
