import { blockOf, blockRange, type Entry, readBlock } from "./directory.ts";
import { stemsOfPrefix } from "./query.ts";
import type { Ground } from "./view.ts";

/** A term's entries by the segments' places in the view, and in how many documents it stands altogether. */
export interface FoundTerm {
  readonly term: string;
  readonly count: number;
  readonly entries: ReadonlyMap<number, Entry>;
}

export interface Lookup {
  readonly terms: ReadonlyMap<string, FoundTerm>;
  /** What each prefix stands for: the most common terms that begin with it. */
  readonly prefixes: ReadonlyMap<string, readonly FoundTerm[]>;
}

/** A prefix stands for so many terms, chosen among those of so many dictionary blocks in each segment. */
const prefixTerms = 32;
const prefixBlocks = 64;

interface Ask {
  readonly segment: number;
  readonly block: number;
  /** Behind this term nobody wants anything of the block. */
  last: string;
}

/** Finds terms and prefixes in the dictionaries of all segments, in one read. */
export async function lookUp(
  { view, pages }: Ground,
  wanted: { readonly terms: Iterable<string>; readonly prefixes: readonly string[] },
): Promise<Lookup> {
  const exact = new Set([...wanted.terms, ...wanted.prefixes.flatMap(stemsOfPrefix)]);
  const asks = new Map<string, Ask>();
  view.segments.forEach((info, segment) => {
    const ask = (block: number, last: string): void => {
      if (block < 0) return;
      const name = `${segment}/${block}`;
      const known = asks.get(name);
      if (!known) asks.set(name, { segment, block, last });
      else if (known.last < last) known.last = last;
    };
    for (const term of exact) ask(blockOf(info, term), term);
    for (const prefix of wanted.prefixes) {
      const first = Math.max(0, blockOf(info, prefix));
      const last = Math.min(blockOf(info, `${prefix}\uffff`), first + prefixBlocks);
      for (let block = first; block <= last; block++) ask(block, `${prefix}\uffff`);
    }
  });
  const list = [...asks.values()];
  const blocks = await pages.read(
    list.flatMap(({ segment, block }) => {
      const info = view.segments[segment];
      return info ? [{ segment: info.id, ...blockRange(info, block) }] : [];
    }),
  );
  const found = new Map<string, Map<number, Entry>>();
  list.forEach(({ segment, last }, i) => {
    const info = view.segments[segment];
    const bytes = blocks[i];
    if (!info || !bytes) return;
    readBlock(info, bytes, (entry) => {
      if (exact.has(entry.text) || wanted.prefixes.some((prefix) => entry.text.startsWith(prefix))) {
        const entries = found.get(entry.text) ?? new Map<number, Entry>();
        found.set(entry.text, entries.set(segment, entry));
      }
      return entry.text < last;
    });
  });
  return gather(found, exact, wanted.prefixes);
}

function gather(
  found: ReadonlyMap<string, ReadonlyMap<number, Entry>>,
  exact: ReadonlySet<string>,
  prefixes: readonly string[],
): Lookup {
  const all = new Map<string, FoundTerm>();
  for (const [term, entries] of found) {
    let count = 0;
    for (const entry of entries.values()) count += entry.count;
    all.set(term, { term, count, entries });
  }
  const terms = new Map([...all].filter(([term]) => exact.has(term)));
  const expanded = prefixes.map((prefix): [string, FoundTerm[]] => {
    const stems = new Set(stemsOfPrefix(prefix));
    const matching = [...all.values()].filter(({ term }) => term.startsWith(prefix) || stems.has(term));
    matching.sort((a, b) => b.count - a.count || (a.term < b.term ? -1 : 1));
    return [prefix, matching.slice(0, prefixTerms)];
  });
  return { terms, prefixes: new Map(expanded) };
}
