import fc from "fast-check";

/** What SQL reads as a space. */
const spaces = [
  " ",
  "\t",
  "\n",
  "\r\n",
  "\f",
  "/**/",
  "/* ; */",
  "/* ' */",
  '/* " */',
  "--\n",
  "-- ; '\n",
  "  ",
];
const before = ["", " ", "/* SELECT 1 */", "-- SELECT 1\n", "\n\n", "EXPLAIN ", "EXPLAIN QUERY PLAN "];
const after = ["", ";", " ;\n", " -- SELECT 1", " /* SELECT 1 */", ";;"];

/** The same statement, written as somebody would who hopes to be misread. */
export function noisy(statements: readonly string[]): fc.Arbitrary<string> {
  return fc
    .record({
      sql: fc.constantFrom(...statements),
      space: fc.array(fc.constantFrom(...spaces), { minLength: 8, maxLength: 8 }),
      before: fc.constantFrom(...before),
      after: fc.constantFrom(...after),
      letters: fc.constantFrom("asIs", "upper", "mixed"),
    })
    .map(({ sql, space, before: head, after: tail, letters }) => {
      let i = 0;
      const spaced = sql.replaceAll(" ", () => space[i++ % space.length] ?? " ");
      return head + spelled(spaced, letters) + tail;
    });
}

function spelled(sql: string, letters: string): string {
  // Names of files are not words.
  const change = (word: string): string => {
    if (word === "CANARY") return word;
    if (letters === "upper") return word.toUpperCase();
    return word.replace(/./g, (letter, at: number) =>
      at % 2 === 0 ? letter.toUpperCase() : letter.toLowerCase(),
    );
  };
  return letters === "asIs" ? sql : sql.replace(/[A-Za-z_]+/g, change);
}
