import type { Engine } from "../../engine/engine.ts";
import { type KnowledgeSegment, type KnowledgeTerm, knowledgeTerms } from "../../model/knowledge-index.ts";
import { type AskedKnowledge, countGroups, type KnowledgeScale } from "../knowledge-rank.ts";
import type { ReadEntry } from "../knowledge-read.ts";
import { weightOf } from "../search/field.ts";
import { eachPosting } from "./postings.ts";
import { between, labelTerm } from "./segment.ts";
import type { Place } from "./upkeep.ts";

export interface AskedOfIndex {
  readonly asked: AskedKnowledge;
  readonly category: string | undefined;
  readonly agentId: string | undefined;
  readonly tags: readonly string[];
}

type Row = Pick<KnowledgeTerm, "id" | "entries" | "postings">;

/** Of one segment: what each group of words and each term that has to be there stands in. */
interface LookedSegment {
  readonly groups: ReadonlyArray<readonly Row[]>;
  readonly must: ReadonlyArray<Row | undefined>;
}

/** What the index holds of a question. */
export interface Looked {
  readonly segments: ReadonlyArray<{ readonly segment: KnowledgeSegment; readonly looked: LookedSegment }>;
  readonly asked: AskedKnowledge;
}

/** A beginning of words stands for so many of them in a segment. */
const mostOfPrefix = 300;

export async function lookUp(
  engine: Engine,
  segments: readonly KnowledgeSegment[],
  { asked, category, agentId, tags }: AskedOfIndex,
): Promise<Looked> {
  const labels = [
    ...(category === undefined ? [] : [labelTerm("category", category)]),
    ...(agentId === undefined ? [] : [labelTerm("agentId", agentId)]),
    ...tags.map((tag) => labelTerm("tag", tag)),
    ...asked.query.filters.flatMap(({ name, value }) =>
      name === "agent" || name === "session" ? [labelTerm(`${name}Id`, value)] : [],
    ),
  ];
  const must = [...asked.query.phrases.flat().map(({ term }) => term), ...labels];
  const terms = new Set([
    ...must,
    ...asked.groups.flatMap(({ term, stems }) => [...(term === undefined ? [] : [term]), ...stems]),
  ]);
  const keys = segments.flatMap(({ id }) => [...terms].map((term) => id + between + term));
  const found =
    keys.length === 0 ? [] : await engine.find(knowledgeTerms, { where: { id: { anyOf: keys } } });
  const rows = new Map(found.map((row) => [row.id, row]));
  const looked: Array<Looked["segments"][number]> = [];
  for (const segment of segments) {
    const { id } = segment;
    const row = (term: string): Row | undefined => rows.get(id + between + term);
    const groups = await Promise.all(
      asked.groups.map(async ({ term, prefix, stems }) => {
        const exact = [...(term === undefined ? [] : [term]), ...stems].flatMap((one) => row(one) ?? []);
        return prefix === undefined ? exact : [...exact, ...(await beginning(engine, id + between + prefix))];
      }),
    );
    looked.push({ segment, looked: { groups, must: must.map(row) } });
  }
  return { segments: looked, asked };
}

function beginning(engine: Engine, startsWith: string): Promise<Row[]> {
  return engine.find(knowledgeTerms, { where: { id: { startsWith } }, limit: mostOfPrefix });
}

/** How long entries are and what the groups weigh, with the entries that the index does not hold yet. */
export function scaleOf({ segments, asked }: Looked, fresh: readonly ReadEntry[]): KnowledgeScale {
  const own = countGroups(fresh, asked.groups);
  const total = segments.reduce((sum, { segment }) => sum + segment.entries, fresh.length);
  const words = segments.reduce((sum, { segment }) => sum + segment.words, own.words);
  const weights = asked.groups.map((_, group) => {
    let count = own.counts[group] ?? 0;
    for (const { looked } of segments) for (const { entries } of looked.groups[group] ?? []) count += entries;
    return weightOf(Math.min(count, total), total);
  });
  return { average: words / Math.max(1, total), weights };
}

export interface Candidates {
  /** The most promising first. */
  readonly places: readonly Place[];
  /** So many match, as far as the index can tell. */
  readonly matching: number;
}

interface Promising extends Place {
  readonly sum: number;
}

/** Sums what each entry's terms weigh, over all that match. */
export function candidates({ segments }: Looked, { weights }: KnowledgeScale, most: number): Candidates {
  let best: Promising[] = [];
  let least = 0;
  let matching = 0;
  for (const { segment, looked } of segments) {
    const sums = sumUp(segment.entries, looked, weights);
    for (let number = sums.length - 1; number >= 0; number--) {
      const sum = sums[number] ?? 0;
      if (sum <= 0) continue;
      matching++;
      if (sum <= least) continue;
      best.push({ segment: segment.id, number, sum });
      if (best.length < most * 4) continue;
      best = bestOf(best, most);
      least = best.at(-1)?.sum ?? 0;
    }
  }
  return { places: bestOf(best, most), matching };
}

function bestOf(some: Promising[], most: number): Promising[] {
  return some.sort((a, b) => b.sum - a.sum).slice(0, most);
}

/** By number: 0 where an entry does not match. */
function sumUp(entries: number, { groups, must }: LookedSegment, weights: readonly number[]): Float64Array {
  const sums = new Float64Array(entries);
  if (must.includes(undefined)) return sums;
  for (const [group, rows] of groups.entries()) {
    const weight = weights[group] ?? 0;
    for (const { postings } of rows) {
      eachPosting(postings, (number, times) => {
        sums[number] = (sums[number] ?? 0) + weight * times;
      });
    }
  }
  if (must.length === 0) return sums;
  const has = new Uint8Array(entries);
  for (const [before, row] of must.entries()) {
    if (row === undefined) continue;
    eachPosting(row.postings, (number) => {
      if (has[number] === Math.min(before, 255)) has[number] = Math.min(before + 1, 255);
    });
  }
  return sums.map((sum, number) => (has[number] === Math.min(must.length, 255) ? sum : 0));
}
