import type { Engine } from "../../engine/engine.ts";
import { type Message, messages } from "../../model/message.ts";
import type { PendingSearch } from "../../model/search.ts";
import { sessions } from "../../model/session.ts";
import { type ToolExecution, toolExecutions } from "../../model/tool-execution.ts";
import {
  documentSession,
  type DocumentSession,
  messageDocument,
  type SearchDocument,
  toolDocument,
} from "./document.ts";

/** Messages read in one step. */
const step = 500;

/** What stands behind one step of a pending row. */
export interface DocumentStep {
  readonly documents: readonly SearchDocument[];
  readonly messages: number;
  /** The sequence the next step begins with. */
  readonly next: number;
}

async function sessionOf(store: Engine, id: string): Promise<DocumentSession> {
  const [session] = await store.find(sessions, { where: { id } });
  return session ? documentSession(session) : { id, projectPath: null, agentType: "unknown", agentId: null };
}

/** The tool executions that belong to these messages: those they called, and those whose results they brought. */
async function executionsOf(
  store: Engine,
  sessionId: string,
  ids: readonly string[],
): Promise<ToolExecution[]> {
  if (ids.length === 0) return [];
  const anyOf = { anyOf: ids };
  const called = await store.find(toolExecutions, { where: { sessionId, messageId: anyOf } });
  const brought = await store.find(toolExecutions, { where: { sessionId, resultMessageId: anyOf } });
  const byId = new Map([...called, ...brought].map((execution) => [execution.id, execution]));
  return [...byId.values()];
}

type Shown = Pick<Message, "id" | "sequence" | "role">;

/** The messages that tool executions lead to but that were not read with them. */
async function messagesElsewhere(store: Engine, ids: readonly string[]): Promise<Shown[]> {
  const found: Shown[] = [];
  for (let from = 0; from < ids.length; from += step) {
    const anyOf = ids.slice(from, from + step);
    found.push(
      ...(await store.find(messages, { where: { id: { anyOf } }, fields: ["id", "sequence", "role"] })),
    );
  }
  return found;
}

/** Tool executions that no message called are shown as themselves: their sequence is 0. */
async function strayDocuments(store: Engine, session: DocumentSession): Promise<SearchDocument[]> {
  const where = { sessionId: session.id, messageId: null, resultMessageId: null };
  const found = await store.find(toolExecutions, { where });
  return found.map((execution) => toolDocument(execution, { sequence: 0, role: "tool" }, session));
}

async function documentsOf(
  store: Engine,
  session: DocumentSession,
  read: readonly Message[],
): Promise<SearchDocument[]> {
  const executions = await executionsOf(
    store,
    session.id,
    read.map(({ id }) => id),
  );
  const shown = new Map<string, Shown>(read.map((message) => [message.id, message]));
  const elsewhere = executions.flatMap(({ messageId, resultMessageId }) => {
    const id = resultMessageId ?? messageId;
    return id !== null && !shown.has(id) ? [id] : [];
  });
  for (const message of await messagesElsewhere(store, [...new Set(elsewhere)]))
    shown.set(message.id, message);
  const said = read.flatMap((message) => messageDocument(message, session) ?? []);
  const tools = executions.map((execution) => {
    const { messageId, resultMessageId } = execution;
    const at = shown.get(resultMessageId ?? "") ?? shown.get(messageId ?? "");
    return toolDocument(execution, at ?? { sequence: 0, role: "tool" }, session);
  });
  return [...said, ...tools];
}

/** Reads what a pending row stands for, step by step, as it is in the store now. */
export async function* readPending(
  store: Engine,
  row: Pick<PendingSearch, "sessionId" | "first" | "last">,
): AsyncGenerator<DocumentStep> {
  const { sessionId, last } = row;
  const session = await sessionOf(store, sessionId);
  if (row.first <= 0) {
    yield { documents: await strayDocuments(store, session), messages: 0, next: 1 };
  }
  for (let first = Math.max(1, row.first); first <= last; ) {
    const read = await store.find(messages, {
      where: { sessionId, sequence: { from: first, upTo: last } },
      orderBy: [["sequence", "up"]],
      limit: step,
    });
    const end = read.length < step ? last + 1 : (read.at(-1)?.sequence ?? last) + 1;
    yield { documents: await documentsOf(store, session, read), messages: read.length, next: end };
    first = end;
  }
}
