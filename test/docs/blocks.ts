/** One block of code in a page, with the comment that may stand before it. */
export interface Block {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** Of a line `<!-- … -->` right above. */
  readonly note: string | undefined;
}

export function blocksOf(page: string, text: string): Block[] {
  return [...text.matchAll(/^(?:<!-- ([^\n]*?) -->\n)?```(\w+)\n([^]*?)^```$/gm)].map(
    ({ 0: all, 1: note, 2: language = "", 3: body = "", index }) => ({
      page,
      line: text.slice(0, index + all.indexOf("```")).split("\n").length,
      language,
      text: body,
      note,
    }),
  );
}

/**
 * `value; // -> expected` becomes an assertion; so does `const name = value; // -> expected`, which stays there too.
 * Answers how many there were.
 */
export function withAssertions(code: string): { code: string; assertions: number } {
  let assertions = 0;
  const lines = code.split("\n").map((line) => {
    const match = /^(\s*)(?:(?:const|let) (\w+)[^=]*= )?(.+?);\s*\/\/ -> (.+)$/.exec(line);
    if (match === null) return line;
    assertions++;
    const [, indent = "", name, value = "", expected = ""] = match;
    const kept = name === undefined ? "" : line;
    return `${kept}${kept === "" ? indent : "\n"}is(${name ?? `await (${value})`}, ${expected});`;
  });
  return { code: lines.join("\n"), assertions };
}

/** Stands at the end of each program: what is asserted is what JSON would say of the value. */
export const assertion = `
import { deepStrictEqual } from "node:assert";
function is(value: unknown, expected: unknown): void {
  deepStrictEqual(value === undefined ? undefined : JSON.parse(JSON.stringify(value)), expected);
}
export {};
`;
