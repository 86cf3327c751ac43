import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "libsql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exitCodes, reportError } from "../../dist/doors/cli/report.js";
import { createScreen } from "../../dist/doors/cli/screen.js";
import { LociError } from "../../dist/index.js";
import { makeWorld, type RunOptions, someSessions, type World } from "./world.ts";

/**
 * Every error a person can meet on the command line, really provoked, with what they read. `UPDATE_GOLDEN=1` writes
 * the file anew: then read it, for it is what people will read.
 */
const golden = fileURLToPath(new URL("errors.golden.txt", import.meta.url));

let world: World;

interface Case {
  readonly args: readonly string[];
  readonly about?: string;
  readonly options?: RunOptions;
}

const folder = (name: string): RunOptions => ({ folder: join(world.home, name) });

function cases(): Case[] {
  const config = (name: string): RunOptions => ({ env: { XDG_CONFIG_HOME: join(world.home, name) } });
  return [
    { args: ["serch", "words"] },
    { args: ["xyzzy"] },
    { args: ["help", "xyzzy"] },
    { args: ["ls", "--limt", "3"] },
    { args: ["ls", "-x"] },
    { args: ["ls", "--limit"] },
    { args: ["ls", "--limit", "--json"] },
    { args: ["ls", "--limit", "abc"] },
    { args: ["ls", "--limit", "0"] },
    { args: ["ls", "--limit", "5000"] },
    { args: ["ls", "--since", "soon"] },
    { args: ["ls", "--until", "2026-02-31"] },
    { args: ["ls", "--status", "runing"] },
    { args: ["ls", "api"] },
    { args: ["ls", "--after", "nonsense"] },
    { args: ["ls", "--parent", "zzzz"] },
    { args: ["ls", "--json", "--format", "csv"] },
    { args: ["ls", "--format", "yaml"] },
    { args: ["ls", "--all=perhaps"] },
    { args: ["ls", "--project", ""] },
    { args: ["show"] },
    { args: ["show", "zzzz"] },
    { args: ["show", "32"] },
    { args: ["show", "same"], about: "two ids begin so" },
    { args: ["show", "3285#99"] },
    { args: ["show", "3285/zzzz"] },
    { args: ["show", "zzzz", "--json"] },
    { args: ["cost", "--by", "modle"] },
    { args: ["cost", "--explain", "zzzz"] },
    { args: ["tail", "zzzz"] },
    { args: ["know"] },
    { args: ["know", "serch", "x"] },
    { args: ["know", "add", "topic"] },
    { args: ["know", "add", "topic", "--file", "nowhere.md"] },
    { args: ["know", "show", "zzzz"] },
    { args: ["memory", "add", "a", "t", '<recalled from="x">'], about: "recalled text" },
    { args: ["memory", "show", "zzzz"] },
    { args: ["ckpt", "save", "{nope"] },
    { args: ["ckpt", "show", "--project", "nowhere"] },
    { args: ["sql"] },
    { args: ["sql", "delete from sessions"] },
    { args: ["sql", "select sesion_id from messages"] },
    { args: ["sql", "select * from mesages"] },
    { args: ["sql", "select"] },
    { args: ["sql", "select 1; select 2"] },
    { args: ["sql", "--file", "missing.sql"] },
    { args: ["sql", "select 1", "--file", "q.sql"] },
    {
      args: [
        "sql",
        "--timeout",
        "1",
        "with recursive n(i) as (select 1 union all select i + 1 from n) select sum(i) from n",
      ],
    },
    { args: ["config", "frob"] },
    { args: ["config", "set", "limit"] },
    { args: ["config", "set", "limt", "5"] },
    { args: ["config", "set", "limit", "many"] },
    { args: ["config", "set", "authToken", "abc"] },
    { args: ["config", "get", "nope"] },
    { args: ["config", "get", "url", "extra"] },
    { args: ["ls"], about: "settings that are no JSON", options: config("broken") },
    { args: ["ls"], about: "settings that are no object", options: config("list") },
    { args: ["ls"], about: "an unknown setting", options: config("unknown") },
    { args: ["ls"], about: "a secret in the settings", options: config("secret") },
    { args: ["ls"], about: "a project that sends the store away", options: folder("project-remote") },
    { args: ["ls"], about: "a project that names a store outside", options: folder("project-outside") },
    { args: ["ls"], about: "a project that turns redaction off", options: folder("project-redact") },
    { args: ["ls"], about: "LOCI_LIMIT=abc", options: { env: { LOCI_LIMIT: "abc" } } },
    { args: ["ls"], about: "LOCI_FORMAT=xml", options: { env: { LOCI_FORMAT: "xml" } } },
    { args: ["ls", "--db", "ftp://host/x"] },
    { args: ["ls", "--db", "http://secret:word@127.0.0.1:1?authToken=abc"] },
    { args: ["ls", "--db", "not-a-database.txt"] },
    { args: ["ls", "--db", "newer.db"] },
    { args: ["ls", "--db", "."], about: "a folder" },
    { args: ["ls", "--db", "not-a-database.txt/x.db"], about: "below a file" },
    { args: ["ls", "--db", "postgres://someone:hidden@127.0.0.1:1/x"] },
    { args: ["prices", "set"] },
    { args: ["prices", "set", "foo-9"] },
    { args: ["prices", "set", "foo-9", "--in", "-1", "--out", "2"] },
    { args: ["prices", "unset", "foo-9"] },
    {
      args: ["prices"],
      about: "a broken prices.json",
      options: { env: { LOCI_HOME: join(world.home, "broken-home") } },
    },
    { args: ["import", "missing.jsonl"] },
    { args: ["import"], about: "no history" },
    { args: ["import", ".", "--source", "codx"] },
    { args: ["import", ".", "--redact", "maybe"] },
    { args: ["search"] },
    { args: ["search", "retry", "--limit", "501"] },
    { args: ["search", "retry", "--after", "nonsense"] },
    { args: ["search", "retry", "--session", "zzzz"] },
    { args: ["export", "zzzz"] },
    { args: ["export", "--raw"] },
    { args: ["export", "3285", "--raw"], about: "recorded, not imported" },
    { args: ["export", "-o", "not-a-database.txt"] },
    { args: ["export", "-o", "missing/folder/all.jsonl"] },
    { args: ["demo", "now"] },
    { args: ["--or-sample"] },
    { args: ["completion"] },
    { args: ["completion", "tcsh"] },
  ];
}

beforeAll(async () => {
  world = makeWorld();
  await world.seed([
    ...someSessions(Date.now()),
    { kind: "session", id: "same-1", agentType: "x", startedAt: 1 },
    { kind: "session", id: "same-2", agentType: "x", startedAt: 1 },
  ]);
  const put = (path: string, text: string): void => {
    mkdirSync(join(world.home, path, ".."), { recursive: true });
    writeFileSync(join(world.home, path), text);
  };
  put("broken/loci/config.json", "{limit: 5");
  put("list/loci/config.json", "[]");
  put("unknown/loci/config.json", '{"limitt": 5}');
  put("secret/loci/config.json", '{"authToken": "abc"}');
  put("project-remote/loci.config.json", '{"url": "postgres://evil.test/all"}');
  put("project-outside/loci.config.json", '{"url": "../../elsewhere.db"}');
  put("project-redact/loci.config.json", '{"redact": "off"}');
  put("broken-home/prices.json", '{"foo-9": {"input": "three"}}');
  put("not-a-database.txt", "This is a letter, and no database at all. ".repeat(100));
  await world.seed([], join(world.home, "newer.db"));
  const newer = new Database(join(world.home, "newer.db"));
  newer.exec(
    "update schema_version set version = 99 where version = (select max(version) from schema_version)",
  );
  newer.close();
});

afterAll(() => world.end());

/** What differs from run to run and from machine to machine. */
function settled(text: string): string {
  return text.replaceAll(world.home, "~").replace(/\d+(\.\d+)? s\b/g, "N s");
}

describe("every error", () => {
  test("says its cause, where we looked and what helps, and leaves with its code", async () => {
    const all = cases();
    const told: string[] = [];
    // Two at a time: as many as the machine has cores.
    for (let at = 0; at < all.length; at += 2) {
      const pair = all.slice(at, at + 2).map(async ({ args, about, options }) => {
        const { code, stdout, stderr } = await world.loci(args, options);
        expect({ args, stdout, failed: code !== 0 }).toEqual({ args, stdout: "", failed: true });
        expect(stderr, args.join(" ")).not.toMatch(/\n\s+at |fetch failed|\[object|undefined|hidden|abc"\n/);
        const shown = args.map((word) => (/^[\w./:#-]+$/.test(word) ? word : `'${word}'`)).join(" ");
        return `$ loci ${shown}${about ? `   # ${about}` : ""}\n${settled(stderr)}[${code}]\n`;
      });
      told.push(...(await Promise.all(pair)));
    }
    const text = told.join("\n");
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(golden, text);
    expect(all.length).toBeGreaterThanOrEqual(60);
    expect(text).toBe(readFileSync(golden, "utf8"));
  }, 120_000);

  test("names the next command", () => {
    const entries = readFileSync(golden, "utf8").split("\n\n");
    expect(entries.length).toBeGreaterThanOrEqual(60);
    expect(entries.filter((entry) => !/^ {2}next {7}|"next":"/m.test(entry))).toEqual([]);
  });

  test("of a kind of its own has its exit code and its line in the docs", () => {
    const page = readFileSync(fileURLToPath(new URL("../../docs/ERRORS.md", import.meta.url)), "utf8");
    expect(Object.keys(exitCodes)).toHaveLength(14);
    for (const [code, exit] of Object.entries(exitCodes)) expect(page).toContain(`| \`${code}\` | ${exit} |`);
  });
});

describe("a bug", () => {
  test("is said to be ours, with a report to send", () => {
    const home = join(world.home, "bugs");
    const screen = createScreen({ isTerminal: false, columns: 80, env: {}, noColor: true, now: 0 });
    const report = reportError(new TypeError("x is not a function\u001b[2J"), {
      screen,
      json: false,
      verbose: false,
      home,
      help: () => "loci help",
    });
    expect(report.exitCode).toBe(1);
    expect(report.lines[0]).toBe("loci: This is a bug in Loci: x is not a function\\x1b[2J");
    const path = /report it with (.*)$/.exec(report.lines[1] ?? "")?.[1] ?? "";
    expect(readFileSync(path, "utf8")).toContain("TypeError");
  });

  test("and causes are shown to those who ask", () => {
    const screen = createScreen({ isTerminal: false, columns: 80, env: {}, noColor: true, now: 0 });
    const error = new LociError("busy", "It is locked.", {
      cause: new Error("SQLITE_BUSY"),
      where: "x",
      next: "wait",
    });
    const options = { screen, json: false, home: world.home, help: () => "loci help" };
    expect(reportError(error, { ...options, verbose: true }).lines.join("\n")).toContain(
      "caused by Error: SQLITE_BUSY",
    );
    expect(reportError(error, { ...options, verbose: false })).toEqual({
      exitCode: 5,
      lines: ["loci: It is locked.", "  looked in  x", "  next       wait"],
    });
  });
});
