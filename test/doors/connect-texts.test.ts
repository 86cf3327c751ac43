import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsoncDocument } from "../../dist/doors/cli/connect/jsonc.js";
import { tomlDocument } from "../../dist/doors/cli/connect/toml.js";

/** A JSON text of a value, in any manner of space, comments and commas. */
function textOf(value: unknown, pick: () => number): string {
  const space = (): string =>
    ["", " ", "\n", "\n  ", "\t", " /* , } */ ", ' // " {\n', "\r\n"][pick() % 8] ?? "";
  const listed = (items: readonly string[], open: string, close: string): string => {
    const comma = items.length > 0 && pick() % 3 === 0 ? "," : "";
    return `${open}${items.map((item) => `${space()}${item}${space()}`).join(",")}${comma}${space()}${close}`;
  };
  if (Array.isArray(value))
    return listed(
      value.map((one) => textOf(one, pick)),
      "[",
      "]",
    );
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([name, one]) => `${JSON.stringify(name)}${space()}:${space()}${textOf(one, pick)}`,
  );
  return listed(members, "{", "}");
}

const picks = fc.infiniteStream(fc.nat(1_000));

describe("JSON with comments", () => {
  test("is read as it was written, and set and remove change what they name and nothing else", () => {
    let seen = 0;
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), picks, fc.boolean(), (tree, stream, has) => {
        const { servers: _, ...rest } = tree;
        const value = has ? { ...rest, servers: { a: 1 } } : rest;
        const pick = (): number => stream.next().value ?? 0;
        const text = `${textOf(value, pick)}\n`;
        // Through JSON: -0 is 0 there, and a name such as __proto__ is one like others.
        const same = (one: unknown, other: unknown): void =>
          expect(JSON.parse(JSON.stringify(one))).toEqual(JSON.parse(JSON.stringify(other)));
        same(jsoncDocument(text).value, value);
        const set = jsoncDocument(text).set(["servers", "loci"], { command: "c", args: ["x"] });
        same(jsoncDocument(set).value, {
          ...value,
          servers: { ...(has ? { a: 1 } : {}), loci: { command: "c", args: ["x"] } },
        });
        const removed = jsoncDocument(set).remove(["servers", "loci"]);
        same(jsoncDocument(removed).value, { ...value, servers: has ? { a: 1 } : {} });
        seen++;
      }),
      { numRuns: 400 },
    );
    expect(seen).toBeGreaterThan(300);
  });

  test("with a text of megabytes is read in a moment", () => {
    const text = JSON.stringify({
      history: 'x\\"'.repeat(1_000_000),
      list: Array.from({ length: 50_000 }, () => ({})),
    });
    const start = performance.now();
    expect(jsoncDocument(text).set(["a"], { b: 1 }).length).toBeGreaterThan(text.length);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

describe("TOML", () => {
  const read = (text: string): unknown => JSON.parse(JSON.stringify(tomlDocument(text).value));

  test("is read as version 1.0 says", () => {
    expect(
      read(
        [
          'a = "x\\ty\\u00e9\\U0001F600" # c',
          "'b c' = 'C:\\path'",
          'long = """\none "two" \\\n   three"""',
          "raw = '''\nit's'''",
          "n = [1_000, -2, 3.5e2, 0xff, 0o17, 0b11]",
          "mixed = [ # c",
          '  "a", [1,],',
          "  { x = 1, y = { z = true } },",
          "]",
          "at = 1979-05-27T07:32:00Z",
          "day = 1979-05-27 07:32:00",
          "inf = -inf",
          "d.e.f = 1",
          "d.e.g = 2",
          "[d.h]",
          "i = false",
          "[[list]]",
          "one = 1",
          "[list.sub]",
          "two = 2",
          "[[list]]",
          '[x . "y.z"]',
          "__proto__ = 1",
        ].join("\n"),
      ),
    ).toEqual(
      JSON.parse(
        JSON.stringify({
          a: "x\tyé😀",
          "b c": "C:\\path",
          long: 'one "two" three',
          raw: "it's",
          n: [1000, -2, 350, 255, 15, 3],
          mixed: ["a", [1], { x: 1, y: { z: true } }],
          at: ["1979-05-27T07:32:00Z"],
          day: ["1979-05-27 07:32:00"],
          inf: ["-inf"],
          d: { e: { f: 1, g: 2 }, h: { i: false } },
          list: [{ one: 1, sub: { two: 2 } }, {}],
          x: { "y.z": JSON.parse('{"__proto__":1}') as unknown },
        }),
      ),
    );
  });

  test.each([
    ["a = 1\na = 2", "stands there already"],
    ["[a]\n[a]", "stands there already"],
    ["a = 1\n[a]", "stands there already"],
    ["a = {}\n[a.b]", "no table"],
    ["[[a]]\n[a]", "stands there already"],
    ["a = 'x", "value"],
    ['a = "\\q"', "escape"],
    ['a = """x', "does not end"],
    ["a = [1 2]", "comma"],
    ["a = {x = 1 y = 2}", "comma"],
    ["a = 1979-05", "value"],
    ["a 1", "= was expected"],
    ["[a\nb = 1", "] was expected"],
    ["a = yes", "value"],
    ["é = 1", "name"],
  ])("refuses %j", (text, says) => {
    expect(() => tomlDocument(text)).toThrow(says);
  });

  test("set and remove change what they name and nothing else", () => {
    const text =
      '# top\n[mcp_servers.a]\ncommand = "a" # keep\n\n[mcp_servers.loci]\ncommand = "old"\n[mcp_servers.loci.env]\nA = "1"\n\n# of z\n[z]\n';
    const path = ["mcp_servers", "loci"];
    expect(tomlDocument(text).set(path, { command: "new", args: ["x"] })).toBe(
      text.replace(
        '[mcp_servers.loci]\ncommand = "old"',
        '[mcp_servers.loci]\nargs = ["x"]\ncommand = "new"',
      ),
    );
    expect(tomlDocument(text).remove(path)).toBe(
      '# top\n[mcp_servers.a]\ncommand = "a" # keep\n\n# of z\n[z]\n',
    );
    expect(() => tomlDocument("mcp_servers.loci = {a = 1}").set(path, { a: 2 })).toThrow("table of its own");
  });
});
