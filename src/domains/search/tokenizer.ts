import { analyze } from "./analyze.ts";

/** No text is read further: its first 128 Ki characters and its last 32 Ki are indexed. */
export const headLimit: number = 128 * 1024;
export const tailLimit: number = 32 * 1024;

/** Of a run without a break only so much is looked at. */
const maxRun = 256;
const word = 1;
const join = 2;
const apostrophe = 3;

const classes = new Uint8Array(128);
for (const letter of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") {
  classes[letter.charCodeAt(0)] = word;
}
classes["-".charCodeAt(0)] = join;
classes[".".charCodeAt(0)] = join;
classes["'".charCodeAt(0)] = apostrophe;

/** Letters and signs beyond ASCII; punctuation, arrows and box drawing are left out. The exact test is analyze's. */
function isHighWord(code: number): boolean {
  if (code < 0xc0) return code === 0xaa || code === 0xb5 || code === 0xba;
  if (code < 0x2000) return code !== 0xd7 && code !== 0xf7;
  if (code < 0x2c00) return (code >= 0x2600 && code < 0x27c0) || (code >= 0x2100 && code < 0x2190);
  return !(code >= 0x3000 && code <= 0x303f && code !== 0x3005) && !(code >= 0xff00 && code < 0xff10);
}

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
}

/** `don't`, `it's`, `we'll`: one or two letters behind an apostrophe, then the word ends. */
function isContraction(text: string, at: number): boolean {
  if (!isLetter(text.charCodeAt(at - 1)) || !isLetter(text.charCodeAt(at + 1))) return false;
  const second = text.charCodeAt(at + 2);
  if (!isLetter(second)) return !(second < 128 && classes[second] === word);
  const third = text.charCodeAt(at + 3);
  return !(third < 128 && classes[third] !== 0);
}

/** Where the tokenizer leaves what it found: `refs` point into `analyses`, `starts` and `ends` into the text. */
export interface Tokenizer {
  readonly found: { refs: Uint32Array; starts: Uint32Array; ends: Uint32Array; count: number };
  /** At a ref: how many terms, the span, then pairs of term and offset. */
  readonly arena: { analyses: Uint32Array };
  /** Distinct runs met so far: what the tokenizer holds in memory. */
  readonly size: () => number;
  tokenize(text: string): void;
}

interface Surfaces {
  slots: Int32Array;
  hashes: Int32Array;
  /** Where the run's characters are, and behind them the next one's. */
  starts: Uint32Array;
  refs: Uint32Array;
  characters: Uint8Array;
  count: number;
}

function grown<Numbers extends Uint8Array | Uint32Array | Int32Array>(
  numbers: Numbers,
  size: number,
): Numbers {
  if (size <= numbers.length) return numbers;
  const Kind = numbers.constructor as new (size: number) => Numbers; // the same kind of array, twice the size
  const larger = new Kind(Math.max(size, numbers.length * 2));
  larger.set(numbers);
  return larger;
}

function rehash(surfaces: Surfaces): void {
  const slots = new Int32Array(surfaces.slots.length * 2);
  const mask = slots.length - 1;
  for (let i = 0; i < surfaces.count; i++) {
    let slot = (surfaces.hashes[i] ?? 0) & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = i + 1;
  }
  surfaces.slots = slots;
}

/** Whether surface `at` is the run `text[start, end)`. */
function isSame(surfaces: Surfaces, at: number, text: string, start: number, end: number): boolean {
  const { characters } = surfaces;
  let from = surfaces.starts[at] ?? 0;
  if ((surfaces.starts[at + 1] ?? 0) - from !== end - start) return false;
  for (let i = start; i < end; i++) if (text.charCodeAt(i) !== characters[from++]) return false;
  return true;
}

/**
 * Cuts texts into runs and names each by its analysis. A run is analysed the first time it is seen; afterwards it is
 * found by a hash of its characters, without making a string of it.
 */
export function createTokenizer(termOf: (term: string) => number): Tokenizer {
  const found = {
    refs: new Uint32Array(1 << 12),
    starts: new Uint32Array(1 << 12),
    ends: new Uint32Array(1 << 12),
    count: 0,
  };
  const arena = { analyses: new Uint32Array(1 << 14) };
  let used = 0;
  const surfaces: Surfaces = {
    slots: new Int32Array(1 << 14),
    hashes: new Int32Array(1 << 13),
    starts: new Uint32Array(1 << 13),
    refs: new Uint32Array(1 << 13),
    characters: new Uint8Array(1 << 16),
    count: 0,
  };
  const unicode = new Map<string, number>();

  function keepAnalysis(run: string): number {
    const { terms, offsets, span } = analyze(run);
    arena.analyses = grown(arena.analyses, used + 2 + terms.length * 2);
    const ref = used;
    arena.analyses[used++] = terms.length;
    arena.analyses[used++] = span;
    terms.forEach((term, i) => {
      arena.analyses[used++] = termOf(term);
      arena.analyses[used++] = offsets[i] ?? 0;
    });
    return ref;
  }

  function unicodeRef(run: string): number {
    const known = unicode.get(run);
    if (known !== undefined) return known;
    const ref = keepAnalysis(run);
    unicode.set(run, ref);
    return ref;
  }

  function addSurface(slot: number, hash: number, run: string): number {
    const at = surfaces.count++;
    surfaces.hashes = grown(surfaces.hashes, at + 1);
    surfaces.refs = grown(surfaces.refs, at + 1);
    surfaces.starts = grown(surfaces.starts, at + 2);
    const from = surfaces.starts[at] ?? 0;
    surfaces.characters = grown(surfaces.characters, from + run.length);
    for (let i = 0; i < run.length; i++) surfaces.characters[from + i] = run.charCodeAt(i);
    surfaces.starts[at + 1] = from + run.length;
    surfaces.hashes[at] = hash;
    const ref = keepAnalysis(run);
    surfaces.refs[at] = ref;
    surfaces.slots[slot] = at + 1;
    if (surfaces.count * 2 > surfaces.slots.length) rehash(surfaces);
    return ref;
  }

  function asciiRef(text: string, start: number, end: number, rolled: number): number {
    const hash = rolled ^ (rolled >>> 15);
    const mask = surfaces.slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const at = (surfaces.slots[slot] ?? 0) - 1;
      if (at < 0) return addSurface(slot, hash, text.slice(start, end));
      if (surfaces.hashes[at] === hash && isSame(surfaces, at, text, start, end))
        return surfaces.refs[at] ?? 0;
      slot = (slot + 1) & mask;
    }
  }

  function put(ref: number, start: number, end: number): void {
    const at = found.count++;
    if (at === found.refs.length) {
      found.refs = grown(found.refs, at + 1);
      found.starts = grown(found.starts, at + 1);
      found.ends = grown(found.ends, at + 1);
    }
    found.refs[at] = ref;
    found.starts[at] = start;
    found.ends[at] = end;
  }

  function scan(text: string, from: number, to: number): void {
    let i = from;
    while (i < to) {
      let code = text.charCodeAt(i);
      if (code < 128 ? classes[code] !== word : !isHighWord(code)) {
        i++;
        continue;
      }
      const start = i;
      let hash = 0x811c9dc5;
      let high = false;
      for (;;) {
        if (i - start < maxRun) hash = Math.imul(hash ^ code, 0x01000193);
        if (++i >= to) break;
        code = text.charCodeAt(i);
        if (code < 128) {
          const kind = classes[code];
          if (kind === word) continue;
          if (kind === join && i + 1 < to) {
            const next = text.charCodeAt(i + 1);
            if (next < 128 && classes[next] === word) continue;
          } else if (kind === apostrophe && isContraction(text, i)) continue;
          break;
        }
        if (!isHighWord(code)) break;
        high = true;
      }
      if (high || text.charCodeAt(start) >= 128) put(unicodeRef(text.slice(start, i)), start, i);
      else put(asciiRef(text, start, Math.min(i, start + maxRun), hash), start, i);
    }
  }

  return {
    found,
    arena,
    size: () => surfaces.count + unicode.size,
    tokenize(text) {
      found.count = 0;
      if (text.length <= headLimit + tailLimit) return scan(text, 0, text.length);
      scan(text, 0, headLimit);
      scan(text, text.length - tailLimit, text.length);
    },
  };
}
