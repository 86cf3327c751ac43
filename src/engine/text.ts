/**
 * SQLite's readers cut text at NUL, PostgreSQL refuses it, and neither keeps a lone surrogate; tool output has both.
 * So such code units, and the mark itself, are written as the mark and four hex digits, on every backend alike.
 */
const mark = "\u001a";
// With the u flag a well-formed pair is one character, so the range matches lone surrogates only.
const unsafe = /[\u0000\u001a\ud800-\udfff]/u;
const unsafeAll = /[\u0000\u001a\ud800-\udfff]/gu;
const escapedAll = /\u001a([0-9a-f]{4})/g;

export function escapeText(text: string): string {
  if (!unsafe.test(text)) return text;
  return text.replace(unsafeAll, (unit) => mark + unit.charCodeAt(0).toString(16).padStart(4, "0"));
}

export function unescapeText(text: string): string {
  if (!text.includes(mark)) return text;
  return text.replace(escapedAll, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The order of the UTF-8 bytes of the escaped forms: what `BINARY` in SQLite and `collate "C"` in PostgreSQL do. */
export function compareText(left: string, right: string): number {
  const a = escapeText(left);
  const b = escapeText(right);
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return codePointRank(x) - codePointRank(y);
  }
  return a.length - b.length;
}

/** UTF-16 puts U+E000 to U+FFFF above the pairs, UTF-8 below them. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

/** The least escaped text above every text that begins with `prefix`, or undefined where there is none. */
export function afterPrefix(escapedPrefix: string): string | undefined {
  const points = Array.from(escapedPrefix, (character) => character.codePointAt(0) ?? 0);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last < 0x10ffff) {
      // The surrogates are no characters: the next one after U+D7FF is U+E000.
      return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
    }
  }
  return undefined;
}
