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

export interface Asserted {
  readonly code: string;
  readonly assertions: number;
  /** What `console.log(…); // -> text` has to print, in order. */
  readonly printed: readonly string[];
}

/** `value; // -> expected` becomes an assertion; so does `const name = value; // -> expected`, which stays there too. */
export function withAssertions(code: string): Asserted {
  let assertions = 0;
  const printed: string[] = [];
  const lines = code.split("\n").map((line) => {
    const match = /^(\s*)(?:(?:const|let) (\w+)[^=]*= )?(.+?);\s*\/\/ -> (.+)$/.exec(line);
    if (match === null) return line;
    assertions++;
    const [, indent = "", name, value = "", expected = ""] = match;
    if (/^(await )?console\.log\(/.test(value)) {
      printed.push(expected);
      return line;
    }
    const kept = name === undefined ? "" : line;
    return `${kept}${kept === "" ? indent : "\n"}is(${name ?? `await (${value})`}, ${expected});`;
  });
  return { code: lines.join("\n"), assertions, printed };
}

/** The first of these texts that a program did not print behind the ones before it. */
export function notPrinted(expected: Iterable<string>, stdout: string): string | undefined {
  let from = 0;
  for (const text of expected) {
    const at = stdout.indexOf(text, from);
    if (at < 0) return text;
    from = at + text.length;
  }
  return undefined;
}

/** Stands at the end of each program: what is asserted is what JSON would say of the value. */
export const assertion = `
import { deepStrictEqual } from "node:assert";
function is(value: unknown, expected: unknown): void {
  deepStrictEqual(value === undefined ? undefined : JSON.parse(JSON.stringify(value)), expected);
}
export {};
`;
