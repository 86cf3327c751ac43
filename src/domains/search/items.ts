import type { Engine } from "../../engine/engine.ts";
import { type Message, messages } from "../../model/message.ts";
import { type ToolExecution, toolExecutions } from "../../model/tool-execution.ts";
import { keyOf } from "./columns.ts";
import { textOfJson, toolTexts } from "./document.ts";
import type { Hit } from "./hits.ts";
import { shownScore } from "./field.ts";
import { createSnippets } from "./snippet.ts";

/** A message that was found. */
export interface SearchItem {
  readonly sessionId: string;
  /** Null for a tool execution that belongs to no message. */
  readonly messageId: string | null;
  readonly sequence: number;
  readonly role: string;
  /** Comparable within one answer and its next pages. */
  readonly score: number;
  /** About 200 characters around the words, which are marked with [ ]. */
  readonly snippet: string;
  readonly toolName: string | null;
  readonly createdAt: number;
  readonly projectPath: string | null;
}

async function messagesOf(store: Engine, hits: readonly Hit[]): Promise<Map<string, Message>> {
  const bySession = new Map<string, number[]>();
  for (const { session, sequence } of hits) {
    bySession.set(session.id, [...(bySession.get(session.id) ?? []), sequence]);
  }
  const found = await Promise.all(
    [...bySession].map(([sessionId, sequences]) =>
      store.find(messages, { where: { sessionId, sequence: { anyOf: sequences } } }),
    ),
  );
  return new Map(found.flat().map((message) => [`${message.sessionId}/${message.sequence}`, message]));
}

async function executionOf(store: Engine, hit: Hit): Promise<ToolExecution | undefined> {
  const where = { sessionId: hit.session.id, startedAt: hit.ranked.time };
  const found = await store.find(toolExecutions, { where });
  return found.find(({ id }) => keyOf(id) === hit.ranked.key);
}

/** Of a message's texts the first that holds one of the words is shown. */
function snippetOf(texts: readonly string[], snippet: (text: string) => string): string {
  const snippets = texts.map(snippet);
  return snippets.find((made) => made.includes("[")) ?? snippets[0] ?? "";
}

/** The rows behind the hits, as they are now. What was removed from the store meanwhile is left out. */
export async function itemsOf(
  store: Engine,
  hits: readonly Hit[],
  weights: ReadonlyMap<string, number>,
): Promise<SearchItem[]> {
  const [rows, executions] = await Promise.all([
    messagesOf(store, hits),
    Promise.all(
      hits.map((hit) => (hit.kind === "tool" ? executionOf(store, hit) : Promise.resolve(undefined))),
    ),
  ]);
  const snippet = createSnippets(weights);
  return hits.flatMap((hit, i) => {
    const message = rows.get(`${hit.session.id}/${hit.sequence}`);
    const execution = executions[i];
    if (hit.kind === "tool" ? !execution : !message) return [];
    const texts = execution
      ? toolTexts(execution)
      : [message?.content ?? "", textOfJson(message?.toolInput), message?.toolOutput ?? ""];
    return [
      {
        sessionId: hit.session.id,
        messageId: message?.id ?? null,
        sequence: hit.sequence,
        role: message?.role ?? hit.role,
        score: shownScore(hit.score),
        snippet: snippetOf(execution ? [texts.join("\n")] : texts.filter((text) => text !== ""), snippet),
        toolName: execution?.toolName ?? message?.toolName ?? null,
        createdAt: message?.createdAt ?? hit.ranked.time,
        projectPath: hit.session.projectPath,
      },
    ];
  });
}
