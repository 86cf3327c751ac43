import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { importedFiles } from "../../dist/model/raw-event.js";
import { counts, difference, testFolder, testStore } from "./support/store.ts";

const samples = fileURLToPath(new URL("../../samples/projects/-workspace-spotter/", import.meta.url));
const program = fileURLToPath(new URL("./support/import-process.mjs", import.meta.url));

/** Twelve sessions of some size: the long sample with other ids, and the others. */
function corpus(folder: string): string {
  mkdirSync(folder, { recursive: true });
  cpSync(samples, join(folder, "samples"), { recursive: true });
  const long = readFileSync(join(samples, "fa812bfe-b295-4cca-9c2f-fdf01028cb46.jsonl"), "utf8");
  for (let number = 0; number < 6; number++) {
    const id = `fa812bfe-0000-4000-8000-00000000000${number}`;
    const lines = long.slice(0, long.indexOf("\n", 1_500_000) + 1);
    writeFileSync(join(folder, `${id}.jsonl`), lines.replaceAll("fa812bfe-b295-4cca-9c2f-fdf01028cb46", id));
  }
  return folder;
}

function start(store: string, path: string): ChildProcess {
  return spawn(process.execPath, [program, store, path], { stdio: ["ignore", "pipe", "inherit"] });
}

/** Waits until the process has said a line that begins so; answers false when it ended before. */
function said(child: ChildProcess, begin: string): Promise<boolean> {
  return new Promise((resolve) => {
    let open = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      open += chunk;
      if (open.split("\n").some((line) => line.startsWith(begin))) resolve(true);
    });
    child.once("exit", () => resolve(false));
  });
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    child.once("exit", (code) => resolve(code));
  });
}

async function expected(path: string): Promise<{ report: object; lines: string[] }> {
  await using store = await testStore("memory:");
  const report = counts(await store.run({ paths: [path] }));
  return { report, lines: withoutSequences(await store.lines()) };
}

/** Imports at once may count a session's messages in another way only where they leave numbers out. */
function withoutSequences(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/"sequence":\d+,/, ""));
}

test("an import that was killed anywhere goes on, and the store is as if it had not been", async () => {
  using folder = testFolder();
  const path = corpus(folder.at("corpus"));
  const want = await expected(path);
  const url = folder.at("store.db");
  let kills = 0;
  for (const moment of ["list", "read 1", "read 3", "read 6", "read 9"]) {
    const child = start(url, path);
    if (await said(child, moment)) {
      child.kill("SIGKILL");
      kills++;
    }
    await ended(child);
  }
  expect(kills).toBeGreaterThanOrEqual(3);
  await using store = await testStore(url);
  expect(counts(await store.run({ paths: [path] }))).toEqual(want.report);
  expect(difference(withoutSequences(await store.lines()), want.lines)).toEqual([]);
  for (const row of await store.engine.find(importedFiles)) {
    expect((await store.raw(row.id)).equals(readFileSync(row.path))).toBe(true);
    expect(row.importedAt).toBeGreaterThan(0);
  }
});

test("two imports at once leave the store as one would have", async () => {
  using folder = testFolder();
  const path = corpus(folder.at("corpus"));
  const want = await expected(path);
  const url = folder.at("store.db");
  const both = [start(url, path), start(url, path)];
  expect(await Promise.all(both.map(ended))).toEqual([0, 0]);
  await using store = await testStore(url);
  expect(counts(await store.run({ paths: [path] }))).toEqual(want.report);
  expect(difference(withoutSequences(await store.lines()), want.lines)).toEqual([]);
  for (const row of await store.engine.find(importedFiles)) {
    expect((await store.raw(row.id)).equals(readFileSync(row.path))).toBe(true);
  }
  expect(readdirSync(folder.path)).toContain("store.db");
});

test("a cancelled import says so, and goes on the next time", async () => {
  using folder = testFolder();
  const path = corpus(folder.at("corpus"));
  const want = await expected(path);
  await using store = await testStore(folder.at("store.db"));
  const stop = new AbortController();
  const run = store.run({
    paths: [path],
    signal: stop.signal,
    onProgress: ({ stage, done }) => {
      if (stage === "read" && done === 2) stop.abort();
    },
  });
  await expect(run).rejects.toMatchObject({ code: "interrupted" });
  expect(counts(await store.run({ paths: [path] }))).toEqual(want.report);
});
