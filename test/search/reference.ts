import { keyOf } from "../../dist/domains/search/columns.js";
import { createTokenizer } from "../../dist/domains/search/tokenizer.js";

export interface ReferenceDocument {
  readonly id: string;
  readonly place: string;
  readonly time: number;
  readonly text: string;
}

export interface ReferenceScore {
  readonly place: string;
  readonly score: number;
}

/** Where each term stands, by the shipped tokenizer: its answers have tests of their own. */
function positionsOf(text: string): { terms: Map<string, number[]>; length: number } {
  const names: string[] = [];
  const ids = new Map<string, number>();
  const tokenizer = createTokenizer((term) => {
    const id = ids.get(term) ?? names.push(term) - 1;
    ids.set(term, id);
    return id;
  });
  tokenizer.tokenize(text);
  const terms = new Map<string, number[]>();
  let length = 0;
  for (const ref of tokenizer.found.refs.subarray(0, tokenizer.found.count)) {
    const { analyses } = tokenizer.arena;
    for (let i = 0; i < (analyses[ref] ?? 0); i++) {
      const term = names[analyses[ref + 2 + 2 * i] ?? 0] ?? "";
      terms.set(term, [...(terms.get(term) ?? []), length + (analyses[ref + 3 + 2 * i] ?? 0)]);
    }
    length += analyses[ref + 1] ?? 0;
  }
  return { terms, length };
}

/** A length as the ranking knows it: exact to 15, then rounded down to an eighth of the power of two below it. */
function roundedLength(length: number): number {
  if (length < 16) return length;
  const eighth = 2 ** (Math.floor(Math.log2(length)) - 3);
  return Math.floor(length / eighth) * eighth;
}

/** BM25 of every document by the book: no index, no skipping, no bounds. */
export function rankAll(
  documents: readonly ReferenceDocument[],
  query: { readonly terms: readonly string[]; readonly phrases?: ReadonlyArray<readonly string[]> },
): ReferenceScore[] {
  const { terms, phrases = [] } = query;
  const read = documents.map((document) => ({ document, ...positionsOf(document.text) }));
  const average = read.reduce((sum, { length }) => sum + length, 0) / read.length;
  const idf = (term: string): number => {
    const count = read.filter((one) => one.terms.has(term)).length;
    return Math.log(1 + (read.length - count + 0.5) / (count + 0.5));
  };
  const share = (weight: number, frequency: number, length: number): number => {
    const norm = 1.2 * (1 - 0.75 + (0.75 * roundedLength(length)) / Math.max(1, average));
    return Math.max(1, Math.round((weight * 2.2 * 65_536 * frequency) / (frequency + norm)));
  };
  const scored = read.flatMap(({ document, terms: held, length }) => {
    let score = 0;
    for (const term of new Set(terms)) {
      const frequency = held.get(term)?.length ?? 0;
      if (frequency > 0) score += share(idf(term), frequency, length);
    }
    for (const phrase of phrases) {
      const firsts = held.get(phrase[0] ?? "") ?? [];
      const frequency = firsts.filter((at) =>
        phrase.every((term, i) => held.get(term)?.includes(at + i) === true),
      ).length;
      if (frequency === 0) return [];
      score += share(
        phrase.reduce((sum, term) => sum + idf(term), 0),
        frequency,
        length,
      );
    }
    return score > 0 ? [{ document, score }] : [];
  });
  scored.sort(
    (a, b) =>
      b.score - a.score || b.document.time - a.document.time || keyOf(b.document.id) - keyOf(a.document.id),
  );
  return scored.map(({ document, score }) => ({ place: document.place, score: score / 65_536 }));
}
