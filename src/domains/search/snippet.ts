import { createTokenizer } from "./tokenizer.ts";

/** About so many characters of the text are shown. */
const width = 200;
/** The place is looked for in so much of a text first, and in all of it only where nothing was found there. */
const nearPart = 24_576;

interface Hit {
  readonly start: number;
  readonly end: number;
  readonly term: number;
}

type HitFinder = (text: string) => Hit[];

/** Finds the weighted terms in texts; `weightOf` is by a hit's term. */
function createFinder(weights: ReadonlyMap<string, number>): {
  find: HitFinder;
  weightOf: (term: number) => number;
} {
  const ids = new Map<string, number>([...weights.keys()].map((term, i) => [term, i]));
  const values = [...weights.values()];
  const tokenizer = createTokenizer((term) => ids.get(term) ?? values.length);
  const find = (text: string): Hit[] => {
    tokenizer.tokenize(text);
    const { refs, starts, ends, count } = tokenizer.found;
    const { analyses } = tokenizer.arena;
    const hits: Hit[] = [];
    for (let i = 0; i < count; i++) {
      const ref = refs[i] ?? 0;
      const last = ref + 2 + 2 * (analyses[ref] ?? 0);
      let best = values.length;
      for (let at = ref + 2; at < last; at += 2) {
        const term = analyses[at] ?? values.length;
        if ((values[term] ?? 0) > (values[best] ?? 0)) best = term;
      }
      if (best < values.length) hits.push({ start: starts[i] ?? 0, end: ends[i] ?? 0, term: best });
    }
    return hits;
  };
  return { find, weightOf: (term) => values[term] ?? 0 };
}

/** The first hit of the window with the most weight in different words; a second hit of a word counts a little. */
function bestWindow(hits: readonly Hit[], weightOf: (term: number) => number): number {
  const counts = new Map<number, number>();
  let best = -1;
  let bestValue = -1;
  let value = 0;
  let last = 0;
  hits.forEach((hit, first) => {
    for (; last < hits.length && (hits[last]?.end ?? 0) - hit.start <= width; last++) {
      const { term } = hits[last] ?? hit;
      const before = counts.get(term) ?? 0;
      value += weightOf(term) * (before === 0 ? 1 : 0.01);
      counts.set(term, before + 1);
    }
    if (value > bestValue) {
      bestValue = value;
      best = first;
    }
    const before = counts.get(hit.term) ?? 0;
    value -= weightOf(hit.term) * (before <= 1 ? 1 : 0.01);
    counts.set(hit.term, Math.max(0, before - 1));
    if (last <= first) {
      last = first + 1;
      counts.clear();
      value = 0;
    }
  });
  return best;
}

/** Moves to a break between words, if there is one near. */
function toBreak(text: string, at: number, step: 1 | -1): number {
  if (at <= 0) return 0;
  if (at >= text.length) return text.length;
  for (let moved = 0, place = at; moved < 24 && place > 0 && place < text.length; moved++, place += step) {
    if (/\s/.test(text.charAt(step === 1 ? place - 1 : place))) return place;
  }
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code < 0xe000 ? at - 1 : at;
}

/**
 * Makes pieces of texts of about 200 characters around the words, which are marked with [ ]. White space is made single
 * spaces; other control characters are the business of whoever shows it.
 */
export function createSnippets(weights: ReadonlyMap<string, number>): (text: string) => string {
  const { find, weightOf } = createFinder(weights);
  return (text) => {
    let hits = find(text.slice(0, nearPart));
    if (hits.length === 0 && text.length > nearPart) hits = find(text);
    const first = hits[bestWindow(hits, weightOf)];
    return first ? around(text, first, hits) : beginning(text);
  };
}

function beginning(text: string): string {
  const end = toBreak(text, width, -1);
  return tidy(text.slice(0, end)) + (end < text.length ? "…" : "");
}

function around(text: string, first: Hit, hits: readonly Hit[]): string {
  const inside = hits.filter((hit) => hit.start >= first.start && hit.end - first.start <= width);
  const reach = Math.min(inside.at(-1)?.end ?? first.end, first.start + width);
  const margin = Math.max(0, Math.floor((width - (reach - first.start)) / 2));
  const from = Math.min(toBreak(text, first.start - margin, 1), first.start);
  const end = toBreak(text, Math.min(text.length, Math.max(reach, from + width)), -1);
  const to = Math.max(end, reach);
  let snippet = "";
  let at = from;
  for (const hit of hits) {
    if (hit.start < at || hit.end > to) continue;
    snippet += `${text.slice(at, hit.start)}[${text.slice(hit.start, hit.end)}]`;
    at = hit.end;
  }
  snippet += text.slice(at, Math.max(at, to));
  return (from > 0 ? "…" : "") + tidy(snippet) + (to < text.length ? "…" : "");
}

function tidy(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
