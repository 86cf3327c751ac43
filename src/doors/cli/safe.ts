/**
 * Text that was recorded may hold anything: sequences that clear the screen, set the clipboard, hide a link, or turn
 * the reading direction. Nothing of it reaches a terminal raw: it is shown as an escape, so that one sees it was there.
 */

// C0 and DEL, C1, soft hyphen, Arabic letter mark, directional marks, line and paragraph separators, directional
// embeddings, overrides and isolates, invisible operators, the byte order mark, interlinear annotation, tag
// characters (which hide ASCII), and halves of surrogate pairs.
const unsafe =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;

/** For a text of several lines: line ends and tabs stay. A carriage return before a line end is dropped. */
export function safeText(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(unsafe, (found) => (found === "\n" || found === "\t" ? found : escaped(found)));
}

/** For a cell: one line; runs of white space, line ends included, become one space. */
export function safeLine(text: string): string {
  return text.replace(/[\s\u200b]+/g, " ").trim().replace(unsafe, escaped);
}

/** For a field between tabs: reversible (`\t`, `\n`, `\r`, `\\`), and still safe to print. */
export function safeField(text: string): string {
  return text.replaceAll("\\", "\\\\").replace(unsafe, (found) => {
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
