import { stem } from "./porter.ts";

/** Terms longer than this are cut. */
export const maxTermLength = 64;

/** What one run of a text is found by: its terms, each at a position counted from the run's first. */
export interface Analysis {
  readonly terms: readonly string[];
  readonly offsets: readonly number[];
  /** How many positions the run takes. */
  readonly span: number;
}

/** A run of the text that has letters or digits beyond ASCII. */
const beyondAscii = /[^\u0000-\u007f]/;
const onlyLetters = /^[a-z]+$/;
const onlyDigits = /^\d+$/;
/** A word without parts: `word`, `Word`, `WORD`. */
const oneWord = /^(?:[A-Z]?[a-z]+|[A-Z]+)$/;
const unicodeWord = /[\p{L}\p{N}\p{M}_]+|\p{Extended_Pictographic}/gu;
/** Scripts that write no spaces: found by pairs of characters, and by single ones. */
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー]/u;

/** A term in its normal form: lower case, and its stem where it is an English-looking word. */
export function normalTerm(word: string): string {
  const lower = word.toLowerCase();
  return (onlyLetters.test(lower) ? stem(lower) : lower).slice(0, maxTermLength);
}

/** Case and diacritics folded. Only the combining marks of Latin, Greek and Cyrillic go: a dakuten is not an accent. */
export function fold(text: string): string {
  if (!beyondAscii.test(text)) return text.toLowerCase();
  const bare = text
    .toLowerCase()
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "");
  return bare.normalize("NFC").toLowerCase();
}

const digit = 0;
const lower = 1;
const upper = 2;

function kindOf(code: number): number {
  if (code < 58) return digit;
  return code < 91 ? upper : lower;
}

/** Cuts at the boundaries inside a name: `fooBar`, `HTTPServer`, `item42`, `42px`. */
function splitName(name: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let before = kindOf(name.charCodeAt(0));
  for (let i = 1; i < name.length; i++) {
    const kind = kindOf(name.charCodeAt(i));
    const isNewWord = kind === upper && before !== upper;
    const isLastOfCapitals = kind === lower && before === upper && i - start > 1;
    if (isLastOfCapitals) {
      parts.push(name.slice(start, i - 1));
      start = i - 1;
    } else if (isNewWord || (kind === digit) !== (before === digit)) {
      parts.push(name.slice(start, i));
      start = i;
    }
    before = kind;
  }
  parts.push(name.slice(start));
  return parts;
}

/**
 * An identifier's parts: `parseHTTPFile2` → parse, HTTP, File, 2. What falls into many short parts is a hash or encoded
 * data, and stays whole: its parts would fill the dictionary and find nothing.
 */
function partsOf(piece: string): string[] {
  const found: string[] = [];
  for (const name of piece.includes("_") ? piece.split("_") : [piece]) {
    if (name === "") continue;
    const parts = name.length > maxTermLength ? [name] : splitName(name);
    if (parts.length > Math.max(2, name.length / 3)) found.push(name);
    else found.push(...parts);
  }
  return found;
}

/** A run of ASCII letters, digits and `_`, with single `-` and `.` and an apostrophe inside. */
function analyzeAscii(run: string): Analysis {
  if (oneWord.test(run) || onlyDigits.test(run)) {
    return { terms: [normalTerm(run)], offsets: [0], span: 1 };
  }
  const terms: string[] = [];
  const offsets: number[] = [];
  const put = (term: string, offset: number): void => {
    if (terms.some((other, i) => other === term && offsets[i] === offset)) return;
    terms.push(term);
    offsets.push(offset);
  };
  const plain = run.includes("'") ? run.replace(/'s$/i, "").replaceAll("'", "") : run;
  const pieces = plain.includes("-") || plain.includes(".") ? plain.split(/[-.]/) : [plain];
  let span = 0;
  for (const piece of pieces) {
    const first = span;
    const parts = partsOf(piece);
    for (const part of parts) put(normalTerm(part), span++);
    if (parts.length > 1) put(normalTerm(piece.replaceAll("_", "")), first);
  }
  if (pieces.length > 1 && run.length <= maxTermLength) {
    // A version, a date or an address stays readable; a name is the same however its parts are joined.
    put(pieces.every((piece) => onlyDigits.test(piece)) ? run : normalTerm(run.replace(/[-._']/g, "")), 0);
  }
  return inOrder({ terms, offsets, span });
}

/** Positions of one term ascend: the index keeps the gaps between them. */
function inOrder({ terms, offsets, span }: Analysis): Analysis {
  if (offsets.every((offset, i) => i === 0 || offset >= (offsets[i - 1] ?? 0)))
    return { terms, offsets, span };
  const order = terms.map((_, i) => i).sort((a, b) => (offsets[a] ?? 0) - (offsets[b] ?? 0));
  return { terms: order.map((i) => terms[i] ?? ""), offsets: order.map((i) => offsets[i] ?? 0), span };
}

function analyzeUnicode(run: string): Analysis {
  const terms: string[] = [];
  const offsets: number[] = [];
  let span = 0;
  const put = (term: string, offset: number): void => {
    terms.push(term);
    offsets.push(offset);
  };
  for (const [word] of fold(run).matchAll(unicodeWord)) {
    let plain = "";
    const endPlain = (): void => {
      if (plain !== "") put(normalTerm(plain), span++);
      plain = "";
    };
    let before = "";
    for (const character of word) {
      if (!unspaced.test(character)) {
        if (character !== "_") plain += character;
        else endPlain();
        before = "";
        continue;
      }
      endPlain();
      if (before !== "") put(before + character, span - 1);
      put(character, span++);
      before = character;
    }
    endPlain();
  }
  return inOrder({ terms, offsets, span });
}

/** What a run is found by. The same run always gives the same answer: indexing, asking and marking share it. */
export function analyze(run: string): Analysis {
  return beyondAscii.test(run) ? analyzeUnicode(run) : analyzeAscii(run);
}

/** The single characters of a run in a script without spaces: asked for only where nothing longer is. */
export function isSingleOfUnspaced(term: string): boolean {
  return term.length <= 2 && [...term].length === 1 && unspaced.test(term);
}
