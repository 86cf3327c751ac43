import type { KnowledgeEntry } from "./knowledge.ts";
import { createTokenizer } from "./search/tokenizer.ts";

/** Where terms stand in an entry. */
export interface ReadEntry {
  readonly row: KnowledgeEntry;
  readonly places: ReadonlyMap<string, readonly number[]>;
  /** The places before this one are of the topic, the category and the tags. */
  readonly head: number;
  readonly length: number;
}

/** A word in the topic, the category or the tags counts as often as so many in the content. */
const headWeight = 3;

/** Reads entries for the terms that are wanted, with one tokenizer, which analyses a word once. */
export function createReader(wanted: (term: string) => boolean): (row: KnowledgeEntry) => ReadEntry {
  const names: string[] = [""];
  // 0 stands for every term that nobody asked for.
  const tokenizer = createTokenizer((term) => (wanted(term) ? names.push(term) - 1 : 0));
  return (row) => {
    const places = new Map<string, number[]>();
    let place = 0;
    const add = (text: string): void => {
      tokenizer.tokenize(text);
      const { refs, count } = tokenizer.found;
      const { analyses } = tokenizer.arena;
      for (let i = 0; i < count; i++) {
        const ref = refs[i] ?? 0;
        const last = ref + 2 + 2 * (analyses[ref] ?? 0);
        for (let at = ref + 2; at < last; at += 2) {
          const name = names[analyses[at] ?? 0];
          if (!name) continue;
          const found = places.get(name) ?? [];
          found.push(place + (analyses[at + 1] ?? 0));
          places.set(name, found);
        }
        place += analyses[ref + 1] ?? 0;
      }
      // No phrase goes on in another field.
      place++;
    };
    for (const text of [row.topic, row.category, ...row.tags]) add(text);
    const head = place;
    add(row.content);
    return { row, places, head, length: place };
  };
}

/** How often something stands in an entry, by its places. */
export function timesAt(places: readonly number[], head: number): number {
  let times = 0;
  for (const place of places) times += place < head ? headWeight : 1;
  return times;
}
