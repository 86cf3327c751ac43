import { keyOf } from "./columns.ts";
import type { DocumentKind, DocumentSession } from "./document.ts";
import type { Ranked } from "./top.ts";
import type { View } from "./view.ts";

/** A message that was found, by its best document. */
export interface Hit {
  readonly ranked: Ranked;
  /** What it is ordered by: the document's score, and what its surroundings add. */
  readonly score: number;
  /** Names the message in a cursor. */
  readonly name: number;
  readonly session: DocumentSession;
  readonly sequence: number;
  readonly role: string;
  readonly kind: DocumentKind;
}

/** One hit a message: its best document stands for it. Documents without a message stand for themselves. */
export function collapse(view: View, ranked: readonly Ranked[]): Hit[] {
  const hits = new Map<string, Hit>();
  for (const one of ranked) {
    const columns = view.columns[one.segment];
    if (!columns) continue;
    const session = columns.sessions[columns.owners[one.document] ?? 0];
    if (!session) continue;
    const sequence = columns.sequences[one.document] ?? 0;
    const id = sequence === 0 ? `${session.id}/0/${one.key}` : `${session.id}/${sequence}`;
    if (hits.has(id)) continue;
    const kind = columns.kinds[one.document] ?? 0;
    hits.set(id, {
      ranked: one,
      score: one.score,
      name: keyOf(id),
      session,
      sequence,
      role: columns.roles[kind >> 1] ?? "",
      kind: kind & 1 ? "tool" : "message",
    });
  }
  return [...hits.values()];
}

/** So many of the best messages are put in order by their surroundings too. */
export const headSize = 100;

/** The best messages in their final order. The same list always gives the same order. */
export function rerank(head: readonly Hit[]): Hit[] {
  return [...head];
}
