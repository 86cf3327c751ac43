import { addAt, boundOf, contribution, type Field, offer, type ScoredPhrase } from "./field.ts";
import { loadBlock, noMore, type Postings, readPositions, seek } from "./postings.ts";
import type { Top } from "./top.ts";

/** Where a phrase's first word would stand for each match so far, and the positions of the word that is read. */
interface Scratch {
  readonly matches: number[];
  readonly positions: number[];
}

function createScratch(): Scratch {
  return { matches: [], positions: [] };
}

/** How often the phrase's words, whose postings stand on one document, are neighbours there. */
function countPhrase(phrase: ScoredPhrase, { matches, positions }: Scratch): number {
  let count = -1;
  for (const word of phrase.words) {
    if (count === 0) return 0;
    const { offset } = word;
    if (count < 0) {
      count = readPositions(word.postings, word.positions, matches);
      for (let i = 0; i < count; i++) matches[i] = (matches[i] ?? 0) - offset;
      continue;
    }
    const read = readPositions(word.postings, word.positions, positions);
    let kept = 0;
    for (let i = 0, p = 0; i < count && p < read; i++) {
      const match = matches[i] ?? 0;
      while (p < read && (positions[p] ?? 0) - offset < match) p++;
      if (p < read && (positions[p] ?? 0) - offset === match) matches[kept++] = match;
    }
    count = kept;
  }
  return count;
}

interface Meeting {
  /** Whether a block of the rarest word can be left out. */
  readonly skip?: (lead: Postings, block: number) => boolean;
  readonly visit: (document: number) => void;
}

/** Visits the documents that hold all words of all phrases, in order. */
function forMeetings(field: Field, { skip, visit }: Meeting): void {
  const all = field.phrases.flatMap((phrase) => phrase.words.map((word) => word.postings));
  const [lead, ...others] = all.sort((a, b) => a.count - b.count);
  if (!lead) return;
  const { allowed } = field;
  for (let block = 0; block < lead.blocks; block++) {
    if (skip?.(lead, block)) continue;
    loadBlock(lead, block);
    for (let i = 0; i < lead.size; i++) {
      const document = lead.documents[i] ?? 0;
      if (allowed && allowed[document] === 0) continue;
      lead.at = i;
      let meeting = 0;
      for (const other of others) {
        const found = seek(other, document);
        if (found === noMore) return;
        if (found !== document) break;
        meeting++;
      }
      if (meeting === others.length) visit(document);
    }
  }
}

/** Visits the documents in which every phrase stands. */
export function forPhraseDocuments(field: Field, visit: (document: number) => void): void {
  const scratch = createScratch();
  forMeetings(field, {
    visit: (document) => {
      if (field.phrases.every((phrase) => countPhrase(phrase, scratch) > 0)) visit(document);
    },
  });
}

/** The most a phrase can add where the rarest word stands in one of its block's documents. */
function boundPhrase(
  phrase: ScoredPhrase,
  slack: number,
  { lead, block }: { lead: Postings; block: number },
): number {
  let least = 255;
  for (const { postings } of phrase.words) {
    least = Math.min(least, postings === lead ? (lead.impacts[block] ?? 0) : postings.impact);
  }
  return boundOf(phrase.weight, least, slack);
}

/** The most a phrase can add to the document its words stand on: it is no more frequent than any of them. */
function phraseAtMost(phrase: ScoredPhrase, norm: number): number {
  let least = noMore;
  for (const { postings } of phrase.words) least = Math.min(least, postings.frequencies[postings.at] ?? 0);
  return contribution(phrase.weight, least, norm);
}

/** Documents with every phrase; the terms add to their score. A phrase counts as its words' weights together. */
export function scorePhrases(field: Field, top: Top): number {
  const { phrases, slack, norms, columns, terms } = field;
  const extra = terms.reduce((sum, { weight, postings }) => sum + boundOf(weight, postings.impact, slack), 0);
  const scratch = createScratch();
  let seen = 0;
  forMeetings(field, {
    skip: (lead, block) => {
      let bound = extra;
      for (const phrase of phrases) bound += boundPhrase(phrase, slack, { lead, block });
      return bound < top.threshold();
    },
    visit: (document) => {
      const norm = norms[columns.lengths[document] ?? 0] ?? 0;
      let best = extra;
      for (const phrase of phrases) best += phraseAtMost(phrase, norm);
      if (best < top.threshold()) return;
      let score = 0;
      for (const phrase of phrases) {
        const frequency = countPhrase(phrase, scratch);
        if (frequency === 0) return;
        score += contribution(phrase.weight, frequency, norm);
      }
      for (const term of terms) score += addAt(term, field, document);
      seen++;
      offer(field, top, { document, score });
    },
  });
  return seen;
}
