import { analyze, fold, isSingleOfUnspaced, normalTerm } from "./analyze.ts";
import { stopWords } from "./stop-words.ts";
import { createTokenizer, type Tokenizer } from "./tokenizer.ts";

/** The words as they were understood. Nothing a person types is an error: what is no filter is a word. */
export interface ParsedQuery {
  /** Any of these ranks a document. */
  readonly terms: readonly string[];
  /** Each has to stand in the document. */
  readonly phrases: readonly Phrase[];
  readonly prefixes: readonly string[];
  /** None of these may. */
  readonly without: readonly Phrase[];
  readonly filters: readonly WordFilter[];
  /** It reads as a question: three words or more that any text may hold, and none that one has to. */
  readonly isQuestion: boolean;
}

/** Terms at their places: one term alone is a phrase too. */
export type Phrase = ReadonlyArray<{ readonly term: string; readonly offset: number }>;

export type FilterName = "tool" | "is" | "role" | "project" | "agent" | "session" | "after" | "before";

export interface WordFilter {
  readonly name: FilterName;
  readonly value: string;
}

const filterNames: ReadonlySet<string> = new Set<FilterName>([
  "tool",
  "is",
  "role",
  "project",
  "agent",
  "session",
  "after",
  "before",
]);

/** Of a longer question only the beginning is read, and only so many different terms and phrases. */
const maxCharacters = 16_384;
const maxTerms = 256;
const maxPhrases = 16;

function isFilterName(name: string): name is FilterName {
  return filterNames.has(name);
}

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `7d`, `12h`, `2026-01-31`, `2026-01`, `2026-01-31T10:00`, `today`, `yesterday`, in UTC; undefined for anything else. */
export function parseMoment(value: string, now: number): number | undefined {
  const span = /^(\d{1,5})([mhdw])$/i.exec(value);
  if (span) return now - Number(span[1]) * (units[(span[2] ?? "").toLowerCase()] ?? 0);
  const today = Math.floor(now / 86_400_000) * 86_400_000;
  if (/^today$/i.test(value)) return today;
  if (/^yesterday$/i.test(value)) return today - 86_400_000;
  if (!/^\d{4}-\d{2}(-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?)?)?(Z|[+-]\d{2}:\d{2})?$/.test(value))
    return undefined;
  const hasZone = !value.includes("T") || /(Z|[+-]\d{2}:\d{2})$/.test(value);
  const moment = Date.parse(hasZone ? value : `${value}Z`);
  return Number.isNaN(moment) ? undefined : moment;
}

function asFilter(name: string, value: string, now: number): WordFilter | undefined {
  const lower = name.toLowerCase();
  if (!isFilterName(lower) || value === "") return undefined;
  if (lower === "is") return /^errors?$/i.test(value) ? { name: "is", value: "error" } : undefined;
  if (lower === "after" || lower === "before") {
    const moment = parseMoment(value, now);
    return moment === undefined ? undefined : { name: lower, value: String(moment) };
  }
  return { name: lower, value };
}

interface Run {
  readonly text: string;
  readonly terms: readonly string[];
  readonly offsets: readonly number[];
  readonly span: number;
}

/** The runs of a text, cut as the index cuts them. */
function runsOf(tokenizer: Tokenizer, text: string): Run[] {
  tokenizer.tokenize(text);
  const { starts, ends, count } = tokenizer.found;
  const runs: Run[] = [];
  for (let i = 0; i < count; i++) {
    const run = text.slice(starts[i], Math.min(ends[i] ?? 0, (starts[i] ?? 0) + 256));
    runs.push({ text: run, ...analyze(run) });
  }
  return runs;
}

/** The terms of a text as neighbours: of an identifier its parts, of a script without spaces its pairs. */
function phraseOf(tokenizer: Tokenizer, text: string): Phrase {
  const phrase: Array<{ term: string; offset: number }> = [];
  let first = 0;
  for (const { terms, offsets, span } of runsOf(tokenizer, text)) {
    for (let place = 0; place < span; place++) {
      const here = terms.filter((_, i) => offsets[i] === place);
      const [part] = here;
      const pair =
        part && isSingleOfUnspaced(part) ? here.find((term) => term.startsWith(part) && term !== part) : part;
      const isEnd = part !== undefined && pair === undefined && place > 0 && phrase.length > 0;
      if (part !== undefined && !isEnd) phrase.push({ term: pair ?? part, offset: first + place });
    }
    first += span;
  }
  return phrase;
}

/** What the words of a text are found by; single characters only where there is nothing longer. */
function termsOf(tokenizer: Tokenizer, text: string): Array<{ term: string; isStop: boolean }> {
  return runsOf(tokenizer, text).flatMap(({ text: run, terms }) => {
    const longer = terms.filter((term) => !isSingleOfUnspaced(term));
    const isStop = terms.length === 1 && stopWords.has(fold(run).replaceAll("'", ""));
    return (longer.length > 0 ? longer : terms).map((term) => ({ term, isStop }));
  });
}

const pieces = /(-?)(?:([a-z]+):)?(?:"([^"]*)"|(\S+))/giu;

/** Reads the words of a person or a program. */
export function parseQuery(text: string, now: number): ParsedQuery {
  const tokenizer = createTokenizer(() => 0);
  const terms: Array<{ term: string; isStop: boolean }> = [];
  const phrases: Phrase[] = [];
  const prefixes: string[] = [];
  const without: Phrase[] = [];
  const filters: WordFilter[] = [];
  let words = 0;
  for (const piece of text.slice(0, maxCharacters).matchAll(pieces)) {
    const [whole, minus = "", name, quoted, plain = ""] = piece;
    const filter = minus === "" && name ? asFilter(name, quoted ?? plain, now) : undefined;
    if (filter) {
      filters.push(filter);
      continue;
    }
    if (quoted !== undefined) {
      const phrase = phraseOf(tokenizer, name ? `${name} ${quoted}` : quoted);
      if (phrase.length > 0) (minus ? without : phrases).push(phrase);
      continue;
    }
    // `-rf` and `-1` are what people search for; `-word` takes a word out.
    if (minus && name === undefined && /^\p{L}[^\s]{2,}$/u.test(plain)) {
      const phrase = phraseOf(tokenizer, plain);
      if (phrase.length > 0) without.push(phrase);
      continue;
    }
    const prefix = /^([\p{L}\p{N}_]+)\*$/u.exec(whole);
    if (prefix?.[1]) prefixes.push(fold(prefix[1]).replaceAll("_", ""));
    else {
      const found = termsOf(tokenizer, whole);
      terms.push(...found);
      if (found.some(({ isStop }) => !isStop)) words++;
    }
  }
  const hasMore = phrases.length > 0 || prefixes.length > 0 || terms.some(({ isStop }) => !isStop);
  const kept = hasMore ? terms.filter(({ isStop }) => !isStop) : terms;
  return {
    terms: [...new Set(kept.map(({ term }) => term))].slice(0, maxTerms),
    phrases: phrases.slice(0, maxPhrases),
    prefixes: [...new Set(prefixes)].filter((prefix) => prefix !== "").slice(0, maxPhrases),
    without: without.slice(0, maxPhrases),
    filters,
    isQuestion: words >= 3 && phrases.length + prefixes.length + without.length === 0,
  };
}

/** Endings that stemming takes off: a prefix that reaches into one also means the stem. */
const endings = [
  "ing",
  "ion",
  "ions",
  "ation",
  "ed",
  "es",
  "er",
  "ers",
  "ly",
  "able",
  "ible",
  "ment",
  "ity",
  "ize",
  "ive",
  "ies",
  "al",
];

/** The stems that words with this prefix can have and that the prefix itself does not begin. */
export function stemsOfPrefix(prefix: string): string[] {
  const stems = new Set<string>([normalTerm(prefix)]);
  for (let length = Math.max(3, prefix.length - 4); length < prefix.length; length++) {
    const rest = prefix.slice(length);
    if (endings.some((ending) => ending.startsWith(rest))) stems.add(prefix.slice(0, length));
  }
  return [...stems].filter((stem) => !stem.startsWith(prefix));
}
