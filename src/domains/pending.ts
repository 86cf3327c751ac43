import type { Engine } from "../engine/engine.ts";
import { newId } from "../model/id.ts";
import { type Message, messages } from "../model/message.ts";
import type { PendingSearch } from "../model/search.ts";
import type { ToolExecution } from "../model/tool-execution.ts";

/** Rows that are about to be written, and until when their writer makes them searchable itself. */
interface Written {
  readonly said: ReadonlyArray<Pick<Message, "id" | "sessionId" | "sequence">>;
  readonly tools: ReadonlyArray<Pick<ToolExecution, "sessionId" | "messageId">>;
  readonly until: number;
}

/** One row a session: the span of its messages that the index does not have, or has in an older form. */
export async function pendingRows(engine: Engine, { said, tools, until }: Written): Promise<PendingSearch[]> {
  const sequences = new Map(said.map((row) => [row.id, row.sequence]));
  const elsewhere = [
    ...new Set(tools.flatMap(({ messageId: id }) => (id === null || sequences.has(id) ? [] : [id]))),
  ];
  if (elsewhere.length > 0) {
    const found = await engine.find(messages, {
      where: { id: { anyOf: elsewhere } },
      fields: ["id", "sequence"],
    });
    for (const row of found) sequences.set(row.id, row.sequence);
  }
  const spans = new Map<string, { first: number; last: number; count: number }>();
  const cover = (sessionId: string, sequence: number, count: number): void => {
    const span = spans.get(sessionId) ?? { first: sequence, last: sequence, count: 0 };
    spans.set(sessionId, {
      first: Math.min(span.first, sequence),
      last: Math.max(span.last, sequence),
      count: span.count + count,
    });
  };
  for (const row of said) cover(row.sessionId, row.sequence, 1);
  // 0 stands for the tool executions of a session that belong to no message.
  for (const row of tools) cover(row.sessionId, sequences.get(row.messageId ?? "") ?? 0, 0);
  return [...spans].map(([sessionId, { first, last, count }]) => ({
    id: newId(),
    sessionId,
    first,
    last,
    count: Math.max(1, count),
    claimedUntil: until,
  }));
}
