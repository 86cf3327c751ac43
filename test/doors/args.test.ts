import { describe, expect, test } from "vitest";
import { commandAt, parseArguments } from "../../dist/doors/cli/args.js";
import { globalParams } from "../../dist/doors/cli/command.js";
import { commands } from "../../dist/doors/cli/commands.js";
import type { Params } from "../../dist/operations/operation.js";

const params: Params = {
  id: { kind: "string", positional: true, summary: "an id" },
  words: { kind: "list", positional: true, summary: "words" },
  limit: { kind: "integer", letter: "n", summary: "how many" },
  quiet: { kind: "boolean", letter: "q", summary: "no noise" },
  cacheRead: { kind: "number", summary: "a price" },
  tag: { kind: "list", summary: "tags" },
};

const parse = (...tokens: string[]): unknown => parseArguments(tokens, params, { command: "loci x" });

describe("arguments", () => {
  test.each([
    [["--limit", "5"], { limit: "5" }],
    [["--limit=5"], { limit: "5" }],
    [["-n", "5"], { limit: "5" }],
    [["-n5"], { limit: "5" }],
    [["-qn5"], { quiet: true, limit: "5" }],
    [["--limit", "-1"], { limit: "-1" }],
    [["--limit", "1", "--limit", "2"], { limit: "2" }],
    [["--cache-read", "0.3"], { cacheRead: "0.3" }],
    [["--tag", "a", "--tag", "b"], { tag: ["a", "b"] }],
    [["a", "b", "-q", "c"], { id: "a", words: ["b", "c"], quiet: true }],
    [["--", "-n", "--x"], { id: "-n", words: ["--x"] }],
    [["--quiet=false"], { quiet: "false" }],
    [["-"], { id: "-" }],
    [["--limit="], { limit: "" }],
  ])("%j are read", (tokens, given) => {
    expect(parse(...tokens)).toEqual(given);
  });

  test.each([
    [["--limt", "5"], "Did you mean --limit?"],
    [["-x"], "There is no flag -x here; there are -n -q."],
    [["--limit"], "--limit needs a value."],
    [["--limit", "--quiet"], "--limit needs a value, and --quiet looks like a flag."],
  ])("%j are refused with a reason", (tokens, reason) => {
    expect(() => parse(...tokens)).toThrow(reason);
  });

  test("that are too many are refused", () => {
    expect(() => parseArguments(["a"], {}, { command: "loci version" })).toThrow(
      'loci version takes no arguments; "a" is left over.',
    );
  });

  test("of every command may come before its name", () => {
    expect(commandAt(["--db", "ls", "cost"], globalParams)).toBe(2);
    expect(commandAt(["--db=ls", "--json", "cost"], globalParams)).toBe(2);
    expect(commandAt(["--json"], globalParams)).toBe(-1);
  });
});

describe("the commands", () => {
  test("give one letter one meaning", () => {
    const meanings = new Map<string, Set<string>>();
    for (const { params: own } of [...commands, { params: globalParams }]) {
      for (const [name, { letter }] of Object.entries(own)) {
        if (letter) meanings.set(letter, (meanings.get(letter) ?? new Set()).add(name));
      }
    }
    expect(meanings.size).toBeGreaterThan(4);
    expect([...meanings].filter(([, names]) => names.size > 1)).toEqual([]);
  });

  test("have no flag that hides one of every command's", () => {
    const hidden = commands.flatMap(({ name, params: own }) =>
      Object.keys(own)
        .filter((flag) => flag in globalParams)
        .map((flag) => `${name} --${flag}`),
    );
    expect(commands.length).toBeGreaterThan(8);
    expect(hidden).toEqual([]);
  });
});
