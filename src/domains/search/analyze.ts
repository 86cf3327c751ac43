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
/** The boundaries inside an identifier: `fooBar`, `HTTPServer`, `item42`, `42px`. */
const inner = /(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])/;
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

/**
 * An identifier's parts: `parseHTTPFile2` → parse, HTTP, File, 2. What falls into many short parts is a hash or encoded
 * data, and stays whole: its parts would fill the dictionary and find nothing.
 */
function partsOf(piece: string): string[] {
  const found: string[] = [];
  for (const name of piece.split("_")) {
    if (name === "") continue;
    const parts = name.length > maxTermLength ? [name] : name.split(inner);
    if (parts.length > Math.max(2, name.length / 3)) found.push(name);
    else found.push(...parts);
  }
  return found;
}

/** A run of ASCII letters, digits and `_`, with single `-` and `.` and an apostrophe inside. */
function analyzeAscii(run: string): Analysis {
  if (onlyLetters.test(run) || onlyDigits.test(run)) {
    return { terms: [normalTerm(run)], offsets: [0], span: 1 };
  }
  const terms: string[] = [];
  const offsets: number[] = [];
  const put = (term: string, offset: number): void => {
    if (terms.some((other, i) => other === term && offsets[i] === offset)) return;
    terms.push(term);
    offsets.push(offset);
  };
  const pieces = run.replace(/'s$/i, "").replaceAll("'", "").split(/[-.]/);
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
  return inOrder(terms, offsets, span);
}

/** Positions of one term ascend: the index keeps the gaps between them. */
function inOrder(terms: readonly string[], offsets: readonly number[], span: number): Analysis {
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
  return inOrder(terms, offsets, span);
}

/** What a run is found by. The same run always gives the same answer: indexing, asking and marking share it. */
export function analyze(run: string): Analysis {
  return beyondAscii.test(run) ? analyzeUnicode(run) : analyzeAscii(run);
}

/** The single characters of a run in a script without spaces: asked for only where nothing longer is. */
export function isSingleOfUnspaced(term: string): boolean {
  return term.length <= 2 && [...term].length === 1 && unspaced.test(term);
}
