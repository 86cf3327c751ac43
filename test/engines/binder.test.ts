import { describe, expect, test } from "vitest";
import { bindList, countPlaces } from "../../dist/engines/libsql/binder.js";
import Database from "libsql";

const kept: ReadonlyArray<readonly [given: unknown, stored: unknown]> = [
  [null, null],
  [true, 1],
  [false, 0],
  [0, 0],
  [1.5, 1.5],
  [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  [12n, 12],
  ["", ""],
  ["text", "text"],
  ["😀", "😀"],
  [new Date(0), "1970-01-01 00:00:00.000"],
  [Buffer.from("ab"), Buffer.from("ab")],
  [Uint8Array.of(1, 2), Buffer.from([1, 2])],
  [new Uint8Array(Uint8Array.of(9, 1, 2, 9).buffer, 1, 2), Buffer.from([1, 2])],
  [new Uint8Array(0), Buffer.alloc(0)],
];

const refused: readonly unknown[] = [
  undefined,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2n ** 63n,
  Symbol("s"),
  () => 1,
  {},
  [],
  [1],
  new Date(Number.NaN),
  Float32Array.of(1),
  new ArrayBuffer(1),
  new Map(),
];

describe("the binder", () => {
  const db = new Database(":memory:");
  const echo = db.prepare("select ?, ?").raw();

  test.each(kept)("keeps %s", (given, stored) => {
    expect(echo.all(bindList([given, "last"], 2))).toEqual([[stored, "last"]]);
  });

  test.each(refused.map((value) => [value] as const))("refuses %s with a sentence", (value) => {
    expect(() => bindList([value], 1)).toThrow(expect.objectContaining({ code: "invalid" }));
  });

  test.each([0, 1, 3])("counts the places: %i values for 2 are refused", (count) => {
    expect(() => bindList(Array(count).fill(1), 2)).toThrow(expect.objectContaining({ code: "invalid" }));
  });

  test("places are those outside of quotes and comments", () => {
    expect(countPlaces(`select ?, '?', 'it''s ?', "?", ? -- ?\n /* ? \n ? */ where a = ?`)).toBe(3);
  });
});
