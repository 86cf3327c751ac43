import { describe, expect, test } from "vitest";
import { nearest } from "../../dist/operations/nearest.js";
import type { Param } from "../../dist/operations/operation.js";
import { readInput } from "../../dist/operations/values.js";

const now = Date.parse("2026-11-20T12:00:00Z");

function read(param: Param, value: string | readonly string[] | true | undefined): unknown {
  const options = { now, nameOf: (name: string) => `--${name}`, help: "loci x --help" };
  return readInput({ it: param }, { it: value }, options)["it"];
}

describe("a moment", () => {
  const time: Param = { kind: "time", summary: "when" };
  const local = (text: string): number => new Date(text).getTime();

  test.each([
    ["2026-08-23T10:00:00Z", Date.parse("2026-08-23T10:00:00Z")],
    ["2026-08-23T10:00:00.123+02:00", Date.parse("2026-08-23T08:00:00.123Z")],
    ["2026-08-23 10:00", local("2026-08-23T10:00")],
    ["2026-08-23", local("2026-08-23T00:00")],
    ["7d", now - 7 * 86_400_000],
    ["12h", now - 12 * 3_600_000],
    ["90s", now - 90_000],
    ["2w", now - 14 * 86_400_000],
    ["now", now],
  ])("may be %s", (text, at) => {
    expect(read(time, text)).toBe(at);
  });

  test.each(["", "soon", "2026-13-01", "2026-02-31", "2026-8-3", "7 days", "-7d", "1e9d"])(
    "is not %j",
    (text) => {
      expect(() => read(time, text)).toThrow("--it is a moment such as");
    },
  );
});

describe("a number", () => {
  const limit: Param = { kind: "integer", default: 20, min: 1, max: 1000, summary: "how many" };

  test("has its default, and its limits", () => {
    expect(read(limit, undefined)).toBe(20);
    expect(read(limit, "7")).toBe(7);
    for (const wrong of ["0", "1001", "1.5", "abc", "", "0x10", "Infinity", "１２"]) {
      expect(() => read(limit, wrong)).toThrow("--it is a whole number from 1 to 1000");
    }
  });
});

describe("a choice", () => {
  const by: Param = { kind: "enum", choices: ["day", "model", "project"], summary: "rows" };

  test("is one of those there are, and a near one is offered", () => {
    expect(read(by, "model")).toBe("model");
    expect(() => read(by, "modle")).toThrow(
      '--it is day, model or project, not "modle". Did you mean model?',
    );
  });
});

describe("other values", () => {
  test("are filled in where they are left out", () => {
    expect(read({ kind: "boolean", summary: "" }, undefined)).toBe(false);
    expect(read({ kind: "list", summary: "" }, undefined)).toEqual([]);
    expect(read({ kind: "string", summary: "" }, undefined)).toBeUndefined();
    expect(() => read({ kind: "string", required: true, summary: "a name" }, undefined)).toThrow(
      "--it is missing: a name.",
    );
  });
});

describe("the nearest word", () => {
  test.each([
    ["serch", "search"],
    ["exprot", "export"],
    ["lss", "ls"],
    ["sesion_id", "session_id"],
    ["xyzzy", undefined],
    ["foo", undefined],
  ])("to %s is %s", (word, meant) => {
    expect(nearest(word, ["search", "export", "ls", "session_id", "import"])).toBe(meant);
  });
});
