import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createScreen } from "../../dist/doors/cli/screen.js";
import { type Column, drawCsv, drawTable, drawTsv } from "../../dist/doors/cli/table.js";
import { displayWidth, truncate } from "../../dist/doors/cli/width.js";

interface Row {
  readonly title: string;
  readonly cost: number;
  readonly id: string;
}

const columns: ReadonlyArray<Column<Row>> = [
  { title: "WHEN", cell: () => "12 min ago", priority: 2 },
  { title: "SESSION", cell: (row) => row.title, flexible: 20 },
  { title: "MODEL", cell: () => "opus-4-5", priority: 3 },
  { title: "COST", cell: (row) => `$${row.cost}`, align: "right", priority: 1 },
  { title: "ID", cell: (row) => row.id },
];

const rows: Row[] = [
  { title: "Fix the flaky sync test in hub and explain at length why it failed", cost: 6.1, id: "k3f9" },
  { title: "修复不稳定的同步测试，并且解释为什么它会失败", cost: 12.77, id: "9d02" },
  { title: "🎉🎉🎉 emoji 👩‍👩‍👧 and a\nline end", cost: 0, id: "a81c" },
];

function screen(width: number, env: Record<string, string> = {}) {
  return createScreen({
    isTerminal: true,
    columns: width,
    env: { NO_COLOR: "1", ...env },
    noColor: false,
    now: 0,
  });
}

describe("a table", () => {
  test.each([40, 60, 80, 120, 200])("fits %i columns, in one line a row", (width) => {
    const lines = drawTable(columns, rows, screen(width));
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(width);
  });

  test("drops the least important columns first and keeps the id", () => {
    const heads = [40, 50, 60, 80].map((width) => drawTable(columns, rows, screen(width))[0]?.split(/ {2,}/));
    expect(heads).toEqual([
      ["SESSION", "COST", "ID"],
      ["WHEN", "SESSION", "COST", "ID"],
      ["WHEN", "SESSION", "MODEL", "COST", "ID"],
      ["WHEN", "SESSION", "MODEL", "COST", "ID"],
    ]);
  });

  test("stands in columns also with wide characters", () => {
    const lines = drawTable(columns, rows, screen(80)).slice(1);
    const starts = lines.map((line, at) =>
      displayWidth(line.slice(0, line.lastIndexOf(rows[at]?.id ?? "?"))),
    );
    expect(new Set(starts).size).toBe(1);
  });

  test("fits whatever is in it", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ title: fc.string({ unit: "grapheme" }), cost: fc.integer(), id: fc.constant("abcd") }),
          {
            minLength: 1,
            maxLength: 5,
          },
        ),
        fc.integer({ min: 60, max: 200 }),
        (some, width) => {
          const lines = drawTable(columns, some, screen(width));
          expect(lines).toHaveLength(some.length + 1);
          for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(width);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("has colour only where somebody looks and did not refuse it", () => {
    const drawn = (isTerminal: boolean, env: Record<string, string>, noColor = false): boolean =>
      createScreen({ isTerminal, columns: 80, env, noColor, now: 0 }).tone("x", "red").includes("\u001b");
    expect(drawn(true, {})).toBe(true);
    expect(drawn(false, {})).toBe(false);
    expect(drawn(true, { NO_COLOR: "1" })).toBe(false);
    expect(drawn(true, { NO_COLOR: "" })).toBe(true);
    expect(drawn(true, { TERM: "dumb" })).toBe(false);
    expect(drawn(false, { FORCE_COLOR: "1" })).toBe(true);
    expect(drawn(true, { FORCE_COLOR: "0" })).toBe(false);
    expect(drawn(true, { FORCE_COLOR: "1", NO_COLOR: "1" })).toBe(false);
    expect(drawn(true, { FORCE_COLOR: "1" }, true)).toBe(false);
  });
});

describe("a text", () => {
  test.each([
    ["plain", 5],
    ["修复", 4],
    ["é", 1],
    ["👩‍👩‍👧", 2],
    ["🇩🇪", 2],
    ["…", 1],
    ["ｆｕｌｌ", 8],
    ["한국", 4],
  ])("%s is %i cells wide", (text, cells) => {
    expect(displayWidth(text)).toBe(cells);
  });

  test("is cut to the cells there are, never within a character", () => {
    expect(truncate("abcdef", 4)).toBe("abc…");
    expect(truncate("修复测试", 6)).toBe("修复…");
    expect(truncate("👩‍👩‍👧👩‍👩‍👧", 3)).toBe("👩‍👩‍👧…");
    expect(truncate("abc", 3)).toBe("abc");
    expect(truncate("abc", 0)).toBe("");
  });
});

describe("fields for programs", () => {
  const fields = [
    { name: "title", value: (row: Row) => row.title },
    { name: "cost", value: (row: Row) => row.cost },
  ];

  test("stand between tabs, a line a row, with what would break it named", () => {
    expect(drawTsv(fields, [{ title: "a\tb\nc", cost: 1, id: "" }])).toEqual(["title\tcost", "a\\tb\\nc\t1"]);
  });

  test("stand between commas, quoted where they must be", () => {
    expect(drawCsv(fields, [{ title: 'a "b", c', cost: 1, id: "" }])).toEqual([
      "title,cost",
      '"a ""b"", c",1',
    ]);
  });
});
