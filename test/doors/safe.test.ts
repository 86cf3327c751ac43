import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonText } from "../../dist/doors/cli/output.js";
import { safeField, safeLine, safeText } from "../../dist/doors/cli/safe.js";

/** What a hostile recording may hold, with what a terminal would do. */
const corpus = [
  ["title", "\u001b]0;pwned\u0007"],
  ["link", "\u001b]8;;http://evil.test\u001b\\click\u001b]8;;\u001b\\"],
  ["clipboard", "\u001b]52;c;cm0gLXJm\u0007"],
  ["clear", "\u001b[2J\u001b[H"],
  ["device control", "\u001bP1;1|17/ab\u001b\\"],
  ["overwrite", "safe\rEVIL"],
  ["backspace", "rm\b\bls"],
  ["C1 CSI", "\u009b31m"],
  ["C1 OSC", "\u009d0;x\u009c"],
  ["bell", "\u0007\u0007"],
  ["NUL", "a\u0000b"],
  ["vertical tab", "a\u000bb\u000cc"],
  ["override", "user\u202etxt.exe"],
  ["isolate", "\u2066a\u2069"],
  ["mark", "a\u200fb\u061c"],
  ["zero width", "pass\u200bword"],
  ["byte order", "\ufeffx"],
  ["separators", "a\u2028b\u2029c"],
  ["tags", "hello\u{e0049}\u{e0067}"],
  ["lone surrogate", "\ud800x"],
  ["delete", "\u007f"],
] as const;

const harmful =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f\u061c\ufeff]|[\u{e0000}-\u{e007f}]/u;

describe("recorded text", () => {
  test.each(corpus)("with a %s reaches no terminal raw", (_, text) => {
    expect(safeText(text).replace(/[\n\t]/g, "")).not.toMatch(harmful);
    expect(safeLine(text)).not.toMatch(harmful);
    expect(safeField(text)).not.toMatch(harmful);
    expect(jsonText({ text })).not.toMatch(harmful);
  });

  test("is harmless whatever it holds, and JSON still says the same", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        expect(safeText(text).replace(/[\n\t]/g, "")).not.toMatch(harmful);
        expect(safeLine(text)).not.toMatch(harmful);
        expect(safeField(text)).not.toMatch(harmful);
        expect(jsonText(text)).not.toMatch(harmful);
        expect(JSON.parse(jsonText(text))).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  test("shows that something was there", () => {
    expect(safeLine("\u001b[31mred")).toBe("\\x1b[31mred");
    expect(safeText("user\u202etxt")).toBe("user\\u202etxt");
    expect(safeText("\u{e0049}")).toBe("\\u{e0049}");
  });

  test("keeps its line ends and tabs in a text, folds them in a cell, and names them in a field", () => {
    expect(safeText("a\r\nb\tc")).toBe("a\nb\tc");
    expect(safeLine("  a\r\n\tb  ")).toBe("a b");
    expect(safeField("a\tb\nc\\d")).toBe("a\\tb\\nc\\\\d");
  });

  test("keeps what people write: emoji, joined ones, and other scripts", () => {
    for (const text of ["👩‍👩‍👧", "修复", "עברית", "می‌خواهم", "é", "١٢٣"]) expect(safeLine(text)).toBe(text);
  });
});
