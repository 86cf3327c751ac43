import { keyOf } from "./columns.ts";
import type { DocumentKind, DocumentSession } from "./document.ts";
import { compareRanked, type Ranked } from "./top.ts";
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

function hitOf(view: View, ranked: Ranked): Hit | undefined {
  const columns = view.columns[ranked.segment];
  const session = columns?.sessions[columns.owners[ranked.document] ?? 0];
  if (!columns || !session) return undefined;
  const sequence = columns.sequences[ranked.document] ?? 0;
  const kind = columns.kinds[ranked.document] ?? 0;
  return {
    ranked,
    score: ranked.score,
    // Documents without a message stand for themselves.
    name: keyOf(sequence === 0 ? `${session.id}/0/${ranked.key}` : `${session.id}/${sequence}`),
    session,
    sequence,
    role: columns.roles[kind >> 1] ?? "",
    kind: kind & 1 ? "tool" : "message",
  };
}

/** One hit a message: its best document stands for it. */
export function collapse(view: View, ranked: readonly Ranked[]): Hit[] {
  const hits = new Map<number, Hit>();
  for (const one of ranked) {
    const hit = hitOf(view, one);
    if (hit && !hits.has(hit.name)) hits.set(hit.name, hit);
  }
  return [...hits.values()];
}

/** So many of the best messages are put in order by their surroundings too. */
export const headSize = 100;

/**
 * What the surroundings of a message add to its own score, as shares of theirs. Chosen with the questions of
 * test/search/conversations.ts: recall@5 / @10 of the evidence is 67 / 76 % by the messages' own words, 75 / 79 % when
 * the head is put in order by its surroundings, and 93 / 95 % when the neighbours of what was found are in it as well:
 * the answer often shares no word with the question, and stands right behind it. @1 does not change.
 */
const share = { before: 0.5, behind: 0.25, session: 0.2 };
const sessionBest = 3;

function beside(hit: Hit, step: number): string {
  return `${hit.session.id}/${hit.sequence + step}`;
}

/** The head's hits, and the messages right before and behind each. Those have no score of their own. */
export function withNeighbours(view: View, head: readonly Hit[]): Hit[] {
  const all = new Map(head.map((hit) => [beside(hit, 0), hit]));
  for (const hit of head) {
    for (const step of hit.sequence === 0 ? [] : [-1, 1]) {
      if (all.has(beside(hit, step)) || hit.sequence + step < 1) continue;
      const place = view.locate(hit.session.id, hit.sequence + step);
      const columns = place && view.columns[place.segment];
      if (!columns) continue;
      const { document } = place;
      const neighbour = hitOf(view, {
        ...place,
        score: 0,
        time: columns.times[document] ?? 0,
        key: columns.keys[document] ?? 0,
      });
      if (neighbour) all.set(beside(hit, step), neighbour);
    }
  }
  return [...all.values()];
}

/** The hits by their own score and what their neighbours and the best of their session add. */
export function rerank(hits: readonly Hit[]): Hit[] {
  const scores = new Map<string, number>();
  const sessions = new Map<string, number[]>();
  for (const hit of [...hits].sort((a, b) => compareRanked(a.ranked, b.ranked))) {
    const { score } = hit.ranked;
    scores.set(beside(hit, 0), score);
    const best = sessions.get(hit.session.id) ?? [];
    if (best.length < sessionBest) sessions.set(hit.session.id, [...best, score]);
  }
  const scored = hits.map((hit) => {
    const best = (sessions.get(hit.session.id) ?? []).reduce((sum, score) => sum + score, 0);
    const around =
      hit.sequence === 0
        ? 0
        : share.before * (scores.get(beside(hit, -1)) ?? 0) +
          share.behind * (scores.get(beside(hit, 1)) ?? 0);
    return { ...hit, score: Math.round(hit.ranked.score + around + share.session * best) };
  });
  return scored.sort((a, b) => b.score - a.score || compareRanked(a.ranked, b.ranked));
}
