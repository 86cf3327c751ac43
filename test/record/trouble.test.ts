import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import type { Happening } from "../../dist/index.js";
import { open } from "../../dist/index.js";
import { createRecorder, type RecorderOptions } from "../../dist/record/recorder.js";
import { needs } from "../support/needs.ts";
import { ledgerOf, recover, spoolFiles, stored, until, upTo, type World, world } from "./world.ts";

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

function recorderIn(place: World, options: Partial<RecorderOptions> = {}) {
  return createRecorder({ spool: place.spool, store: place.db, warn: false, ...options });
}

function message(n: number, filler = ""): Happening {
  return { kind: "message", sessionId: "s", role: "user", content: `${n} ${filler}` };
}

async function someRows(place: World, from: number, to: number): Promise<void> {
  await using recorder = recorderIn(place);
  for (let n = from; n <= to; n++) recorder.record(message(n, "x".repeat(500)));
}

describe("a store that cannot be written", () => {
  test("locked by another process: the host does not notice, and all is there soon after", async () => {
    using place = world();
    await someRows(place, 1, 1);
    const holder = fork(here("./holder.mjs"), [place.db]);
    await once(holder, "message");
    await using recorder = recorderIn(place);
    let slowest = 0;
    const began = performance.now();
    for (let n = 2; performance.now() - began < 3_000; n++) {
      const start = performance.now();
      recorder.record(message(n));
      slowest = Math.max(slowest, performance.now() - start);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const { noted, written } = recorder.tally;
    expect(written).toBe(0);
    holder.send("let go");
    await once(holder, "exit");
    const took = await until(() => recorder.tally.spooled === 0);
    console.log(
      `locked 3 s: ${noted} recorded, slowest ${slowest.toFixed(1)} ms, in the store ${took.toFixed(0)} ms after`,
    );
    expect(took).toBeLessThan(5_000);
    expect((await stored(place, "s")).numbers).toEqual(upTo(noted + 1));
  });

  test("away for long: nothing is lost, it is asked at most once a second, and then caught up with", async () => {
    using place = world();
    const opener = pathToFileURL(here("./refusing-opener.mjs")).href;
    const warnings: string[] = [];
    await using recorder = recorderIn(place, { opener, warn: (sentence) => warnings.push(sentence) });
    const began = performance.now();
    let n = 0;
    while (performance.now() - began < 6_000) {
      for (let burst = 0; burst < 40; burst++) recorder.record(message(++n));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const asked = statSync(`${place.db}.asked`).size;
    expect(asked).toBeGreaterThan(1);
    expect(asked).toBeLessThanOrEqual(8);
    expect(await recorder.flush({ timeout: 300 })).toMatchObject({
      spooled: n,
      problem: "The server does not answer.",
    });
    writeFileSync(`${place.db}.up`, "");
    const took = await until(() => recorder.tally.spooled === 0);
    const rate = n / (took / 1_000);
    const live = n / 6;
    console.log(
      `6 s away: asked ${asked} times; ${n} waiting, caught up in ${took.toFixed(0)} ms, ${(rate / live).toFixed(1)} x the live rate`,
    );
    expect(took).toBeLessThan(10_000);
    expect((await stored(place, "s")).numbers).toEqual(upTo(n));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("The server does not answer.");
  });

  test("a port that accepts and never answers holds up nobody: flush and close end in time", async () => {
    using place = world();
    const server = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const recorder = recorderIn(place, { store: `postgres://u:p@127.0.0.1:${port}/db` });
    for (const n of upTo(100)) recorder.record(message(n));
    const began = performance.now();
    const flushed = await recorder.flush({ timeout: 500 });
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(flushed).toMatchObject({ noted: 100, written: 0, spooled: 100, dropped: 0 });
    expect(flushed.problem).toBeDefined();
    await recorder.close({ timeout: 100 });
    expect(performance.now() - began).toBeLessThan(6_000);
    server.close();
    // Not lost: the next process that is asked to bring it to a store does.
    expect(await recover(place)).toMatchObject({ written: 100, lost: 0 });
    expect((await stored(place, "s")).numbers).toEqual(upTo(100));
  });

  test("written by a newer version: nothing is written to it, all waits, and the reason is said", async () => {
    using place = world();
    await someRows(place, 1, 5);
    const { default: Database } = await import("libsql");
    const db = new Database(place.db);
    db.exec("insert into schema_version (version, applied_at) values (999, '2026-01-01 00:00:00.000')");
    db.close();
    await using recorder = recorderIn(place);
    for (const n of upTo(20)) recorder.record(message(n + 5));
    const flushed = await recorder.flush({ timeout: 1_500 });
    expect(flushed).toMatchObject({ noted: 20, written: 0, spooled: 20, dropped: 0 });
    expect(flushed.problem).toMatch(/newer|version/i);
    const again = new Database(place.db);
    again.exec("delete from schema_version where version = 999");
    again.close();
    expect(await recorder.flush()).toMatchObject({ written: 20, spooled: 0 });
    expect((await stored(place, "s")).numbers).toEqual(upTo(25));
  });

  test.each(["the beginning", "everything", "a log of noise", "not a database at all"])(
    "damaged (%s): it is put aside, never deleted, and recording goes on",
    async (what) => {
      using place = world();
      await someRows(place, 1, 300);
      const size = statSync(place.db).size;
      const fd = openSync(place.db, "r+");
      const noise = Buffer.alloc(size, "noise ");
      if (what === "the beginning") writeSync(fd, noise, 0, 100, 0);
      if (what === "everything") writeSync(fd, noise, 0, size - 100, 100);
      if (what === "not a database at all") writeSync(fd, noise, 0, size, 0);
      if (what === "a log of noise") writeFileSync(`${place.db}-wal`, noise);
      const warnings: string[] = [];
      {
        await using recorder = recorderIn(place, { warn: (sentence) => warnings.push(sentence) });
        for (const n of upTo(50)) recorder.record(message(n + 300));
        expect(await recorder.flush()).toMatchObject({ noted: 50, written: 50, spooled: 0, dropped: 0 });
      }
      const { numbers } = await stored(place, "s");
      expect(numbers.slice(-50)).toEqual(upTo(50).map((n) => n + 300));
      const aside = readdirSync(place.folder).filter((file) => /\.db\.corrupt-\w+$/.test(file));
      // A log that makes no sense is no log: SQLite leaves it out, and the file below is whole.
      if (what === "a log of noise") expect(numbers).toHaveLength(350);
      else {
        expect(aside).toHaveLength(1);
        expect(statSync(join(place.folder, aside[0] ?? "")).size).toBe(size);
        expect(warnings.join()).toContain("damaged");
      }
    },
  );

  test("replaced while it is open: the new file gets what comes from then on", async () => {
    using place = world();
    await using recorder = recorderIn(place);
    recorder.record(message(1));
    await recorder.flush();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(place.db + suffix, { force: true });
    recorder.record(message(2));
    expect(await recorder.flush()).toMatchObject({ written: 2, spooled: 0 });
    expect((await stored(place, "s")).numbers).toEqual([2]);
  });
});

describe("a spool that cannot be written", () => {
  test("nothing is thrown, nothing is slow, everything is counted, and it begins as soon as it can", async () => {
    using place = world();
    writeFileSync(place.spool, "a file has its name");
    const warnings: string[] = [];
    const began = performance.now();
    await using recorder = recorderIn(place, { warn: (sentence) => warnings.push(sentence) });
    recorder.record(message(1));
    expect(performance.now() - began).toBeLessThan(50);
    for (const n of upTo(100)) recorder.record(message(n));
    expect(recorder.tally).toMatchObject({ noted: 101, spooled: 0, dropped: 101 });
    expect(Object.keys(recorder.tally.reasons)).toEqual(["the spool cannot be written (EEXIST)"]);
    expect(warnings).toHaveLength(1);
    rmSync(place.spool);
    expect(recorder.record(message(1))).toBeDefined();
    expect(await recorder.flush()).toMatchObject({ noted: 102, written: 1, spooled: 0, dropped: 101 });
  });

  test.each([
    ["a NUL", "relative/\u0000path"],
    ["no such parent", "/proc/none/here"],
    ["too long", "x".repeat(5_000)],
  ])("a folder that cannot be: %s", async (_, spool) => {
    using place = world();
    await using recorder = recorderIn(place, { spool });
    expect(recorder.record(message(1))).toBeUndefined();
    expect(await recorder.flush()).toMatchObject({ noted: 1, written: 0, spooled: 0, dropped: 1 });
  });

  test("a store that cannot be: what is recorded waits, and close ends in time", async () => {
    using place = world();
    for (const store of ["nonsense://x", "libsql://example.invalid", "", "/proc/none/loci.db"]) {
      const recorder = recorderIn(place, { store });
      expect(recorder.record(message(1))).toBeDefined();
      const began = performance.now();
      expect(await recorder.close({ timeout: 300 })).toMatchObject({
        noted: 1,
        spooled: 1,
        problem: expect.any(String),
      });
      expect(performance.now() - began).toBeLessThan(3_000);
    }
    expect(spoolFiles(place)).toHaveLength(4);
  });

  test("a disk that is full: no torn line, the missing are the counted, and it goes on when there is room", async (context) => {
    using mount = world();
    const disk = join(mount.folder, "disk");
    mkdirSync(disk);
    let mounted = false;
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], { stdio: "ignore" });
      mounted = true;
    } catch {
      // Not root, or no such right here.
    }
    needs(context, mounted, "This user cannot mount a 3 MB disk (mount -t tmpfs).");
    try {
      using place = world(disk);
      const recorder = recorderIn(place);
      const memory = process.memoryUsage().rss;
      const taken: number[] = [];
      for (const n of upTo(8_000)) {
        if (recorder.record(message(n, "x".repeat(n % 7 === 0 ? 3_000 : 900))) !== undefined) taken.push(n);
      }
      const { noted, dropped, reasons } = recorder.tally;
      expect(dropped).toBeGreaterThan(1_000);
      expect(reasons).toEqual({ "the disk is full": dropped });
      expect(taken).toHaveLength(noted - dropped);
      const grown = (process.memoryUsage().rss - memory) / 1024 / 1024;
      execFileSync("mount", ["-o", "remount,size=60m", disk]);
      const took = await until(() => recorder.record(message(8_001)) !== undefined, 5_000);
      const { spooled, written, dropped: all } = await recorder.flush();
      console.log(
        `full disk: ${dropped} of ${noted} dropped and counted, memory +${grown.toFixed(0)} MB, goes on after ${took.toFixed(0)} ms`,
      );
      expect(grown).toBeLessThan(64);
      expect({ spooled, written }).toEqual({ spooled: 0, written: taken.length + 1 });
      expect((await stored(place, "s")).numbers).toEqual([...taken, 8_001]);
      expect(await ledgerOf(place)).toMatchObject([{ written: taken.length + 1, dropped: all }]);
      await recorder.close();
      expect(spoolFiles(place)).toEqual([]);
    } finally {
      execFileSync("umount", ["-l", disk]);
    }
  });
});

test("rows of a store that was put aside are still in it", async () => {
  using place = world();
  await someRows(place, 1, 10);
  const bytes = readFileSync(place.db);
  writeFileSync(place.db, Buffer.concat([Buffer.from("x".repeat(16)), bytes.subarray(16)]));
  chmodSync(place.db, 0o600);
  await someRows(place, 11, 12);
  const [aside = ""] = readdirSync(place.folder).filter((file) => /\.db\.corrupt-\w+$/.test(file));
  const mended = readFileSync(join(place.folder, aside));
  mended.write("SQLite format 3\u0000", "latin1");
  const path = join(place.folder, "mended.db");
  writeFileSync(path, mended);
  await using loci = await open(path);
  expect(await loci.sessions.messages("s")).toHaveLength(10);
});
