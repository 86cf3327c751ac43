import type { Millis } from "../../operations/operation.ts";
import { when } from "../cli/people.ts";
import { safeLine, safeText } from "../cli/safe.ts";

/**
 * What was recorded may hold instructions that somebody smuggled in. It is answered as a quotation: every line of it
 * begins with `> `, below a line of ours that says where it is from and how old it is. The quotation cannot end
 * itself, whatever stands in it: there is no closing mark to forge, and a line end only begins the next quoted line.
 */
export { recalledNotice as notice } from "../../operations/given.ts";

export function quoted(text: string): string {
  return safeText(text)
    .split("\n")
    .map((line) => `> ${line}`)
    .join("\n");
}

/** One line, at most so long; also as JSON, where one character may become six. */
export function clipped(text: string, most: number): string {
  let line = safeLine(text);
  for (let length = most; line.length > most || JSON.stringify(line).length > most * 2; length >>= 1) {
    line = `${whole(line, length - 1)}…`;
  }
  return line;
}

/** A recorded name in a line of ours: one that is more than a word stands in quotation marks, as JSON. */
export function named(name: string, most: number): string {
  const shown = clipped(name, most);
  return /^[\w.:@/#~+-]+…?$/.test(shown) ? shown : JSON.stringify(shown);
}

/** The first characters, no surrogate pair cut in two. */
export function whole(text: string, length: number): string {
  const isHigh = (at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xd800;
  const isLow = (at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xdc00;
  // Half a pair that stands alone is shown: left out, reading on from there would never come past it.
  return text.slice(0, isHigh(length - 1) && isLow(length) ? length - 1 : length);
}

export function age(iso: string, now: Millis): string {
  return when(Date.parse(iso), now);
}

/** Whether two texts say the same, but for marks of a quotation, white space and capitals. */
export function sameWords(one: string, other: string): boolean {
  const bare = (text: string): string =>
    text
      .replace(/^[ \t]*>[ \t]?/gm, "")
      .replace(/\s+/g, " ")
      .trim()
      .replace(/^["'`]+|["'`]+$/g, "")
      .toLowerCase();
  return bare(one) === bare(other);
}
