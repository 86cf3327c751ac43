/**
 * Text that was recorded may hold anything: sequences that clear the screen, set the clipboard, hide a link, or turn
 * the reading direction. Nothing of it reaches a terminal raw: it is shown as an escape, so that one sees it was there.
 */

/**
 * Controls (C0, DEL, C1), line and paragraph separators, halves of surrogate pairs, and the invisible formats: reading
 * direction, zero width, soft hyphen, byte order mark, the whole block of tag characters. The joiners that emoji and scripts need stay,
 * and so do the format characters of Arabic and Syriac that one sees.
 */
export const unsafeCharacters: RegExp =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u{e0000}-\u{e00ff}]|(?![\u0600-\u0605\u06dd\u070f\u08e2\u200c\u200d])\p{Cf}/gu;

/** For a text of several lines: line ends and tabs stay. A carriage return before a line end is dropped. */
export function safeText(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(unsafeCharacters, (found) => (found === "\n" || found === "\t" ? found : escaped(found)));
}

/** For a cell: one line; runs of white space, line ends included, become one space. */
export function safeLine(text: string): string {
  return text
    .replace(/[\s\u200b]+/g, " ")
    .trim()
    .replace(unsafeCharacters, escaped);
}

/** For a field between tabs: reversible (`\t`, `\n`, `\r`, `\\`), and still safe to print. */
export function safeField(text: string): string {
  return text.replaceAll("\\", "\\\\").replace(unsafeCharacters, (found) => {
    if (found === "\t") return "\\t";
    if (found === "\n") return "\\n";
    if (found === "\r") return "\\r";
    return escaped(found);
  });
}

function escaped(found: string): string {
  const code = found.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
}
