import { createHash } from "node:crypto";
import type { Knowledge as Row } from "../../model/knowledge.ts";
import type { KnowledgeTerm } from "../../model/knowledge-index.ts";
import { normOf } from "../knowledge-rank.ts";
import { createReader, type ReadEntry, timesAt } from "../knowledge-read.ts";
import type { KnowledgeEntry } from "../knowledge.ts";
import { packPostings, type Postings } from "./postings.ts";

/** Stands in no id and in no term. */
export const between = "\u001f";

/** Weights of one term are only compared with each other: any usual length will do for them. */
const usualLength = 60;

/** So many ids of entries stand in one row. */
export const idsInRow = 128;

/** What an entry is found by beside its words. */
export type Label = "category" | "agentId" | "sessionId" | "tag";

/** A label as a term: a text of any length must not become a key of any length. */
export function labelTerm(label: Label, value: string): string {
  const text = label === "tag" ? value.toLowerCase() : value;
  const digest = createHash("sha256").update(text).digest("base64url").slice(0, 16);
  return `=${label}:${digest}`;
}

export function entryOf(row: Row): KnowledgeEntry {
  const tags = Array.isArray(row.tags) ? row.tags.filter((tag) => typeof tag === "string") : [];
  return { ...row, tags };
}

export function weightAt({ places, head, length }: ReadEntry, term: string): number {
  const times = timesAt(places.get(term) ?? [], head);
  return Math.max(1, Math.round((255 * times) / (times + normOf(length, usualLength))));
}

function labelsOf({ category, agentId, sessionId, tags }: KnowledgeEntry): string[] {
  return [
    labelTerm("category", category),
    ...(agentId === null ? [] : [labelTerm("agentId", agentId)]),
    ...(sessionId === null ? [] : [labelTerm("sessionId", sessionId)]),
    ...new Set(tags.map((tag) => labelTerm("tag", tag))),
  ];
}

/** A segment in the making. Entries are added in the order of their numbers. */
export interface SegmentBuilder {
  readonly ids: string[];
  words: number;
  readonly terms: Map<string, Postings>;
}

export function newSegment(): SegmentBuilder {
  return { ids: [], words: 0, terms: new Map() };
}

export function post(
  { terms }: SegmentBuilder,
  term: string,
  { number, weight }: { readonly number: number; readonly weight: number },
): void {
  let postings = terms.get(term);
  if (postings === undefined) {
    postings = { numbers: [], weights: [] };
    terms.set(term, postings);
  }
  postings.numbers.push(number);
  postings.weights.push(weight);
}

export function addEntries(segment: SegmentBuilder, entries: readonly KnowledgeEntry[]): void {
  const read = createReader(() => true);
  for (const row of entries) {
    const entry = read(row);
    const number = segment.ids.push(row.id) - 1;
    segment.words += entry.length;
    for (const term of entry.places.keys()) {
      post(segment, term, { number, weight: weightAt(entry, term) });
    }
    for (const term of labelsOf(row)) post(segment, term, { number, weight: 1 });
  }
}

/** The terms by which an entry stands in its segment. */
export function termsOfEntry(row: KnowledgeEntry): string[] {
  return [...createReader(() => true)(row).places.keys(), ...labelsOf(row)];
}

export function segmentRows(id: string, { ids, terms }: SegmentBuilder): KnowledgeTerm[] {
  const rows = Array.from(
    terms,
    ([term, postings]): KnowledgeTerm => ({
      id: id + between + term,
      entries: postings.numbers.length,
      postings: packPostings(postings),
    }),
  );
  for (let at = 0; at < ids.length; at += idsInRow) {
    const some = ids.slice(at, at + idsInRow);
    const postings = new TextEncoder().encode(JSON.stringify(some));
    rows.push({ id: `${id}${between}#${at / idsInRow}`, entries: some.length, postings });
  }
  return rows;
}

export function readIds({ postings }: Pick<KnowledgeTerm, "postings">): string[] {
  const ids: unknown = JSON.parse(new TextDecoder().decode(postings));
  return Array.isArray(ids) ? ids.map(String) : [];
}
