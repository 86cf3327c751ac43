import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type Happening, type Loci, open } from "../../dist/index.js";
import { remove } from "../../dist/engine/engine.js";
import { ledger } from "../../dist/model/ledger.js";
import { rawEvents } from "../../dist/model/raw-event.js";
import { rawStreams } from "../../dist/model/raw-stream.js";
import { rawBytes } from "../../dist/record/export.js";
import { recover, type World, world } from "./world.ts";

function raw(n: number, more: object = {}): Happening {
  return {
    kind: "rawEvent",
    sessionId: "s",
    source: "test",
    line: JSON.stringify({ n }),
    ...more,
  } as Happening;
}

async function textOf(loci: Loci, id = "s"): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const bytes of rawBytes(loci.engine, id)) chunks.push(bytes);
  return Buffer.concat(chunks).toString();
}

const numbers = (text: string): number[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line).n);

describe("a line as its program wrote it", () => {
  test("stands in raw_events, in order, in few blocks, and comes out byte for byte", async () => {
    using here = world();
    await using loci = await open(here.db);
    await using recorder = loci.recorder({ warn: false });
    const lines = Array.from(
      { length: 300 },
      (_, n) => `{ "n":${n},  "text": "tag\\u00fcäö 😀 ${"x".repeat(n)}" }`,
    );
    for (const line of lines) expect(recorder.record({ ...raw(0), line } as Happening)).toBeDefined();
    expect((await recorder.flush()).problem).toBeUndefined();
    expect(await textOf(loci)).toBe(`${lines.join("\n")}\n`);
    const blocks = await loci.engine.find(rawEvents);
    expect(blocks.length).toBeLessThan(10);
    expect(blocks.reduce((sum, { lines }) => sum + lines, 0)).toBe(300);
    for (const { payload, lines, bytes, keys } of blocks) {
      expect(brotliDecompressSync(payload).length).toBe(bytes);
      expect(keys?.length).toBe(lines * 8);
    }
    const [stream] = await loci.engine.find(rawStreams);
    expect(stream).toMatchObject({
      sessionId: "s",
      rootId: "s",
      scope: "",
      subpath: "",
      source: "test",
      lines: 300,
    });
  });

  test("is kept once by its uuid, else by its position; without either, each time", async () => {
    using here = world();
    await using loci = await open(here.db);
    for (let time = 0; time < 2; time++) {
      await using recorder = loci.recorder({ warn: false });
      for (const n of [1, 2, 2]) recorder.record(raw(n, { uuid: `u${n}` }));
      await recorder.flush();
      for (const n of [3, 4, 4]) recorder.record(raw(n, { position: n }));
      recorder.record(raw(5));
    }
    expect(numbers(await textOf(loci))).toEqual([1, 2, 3, 4, 5, 5]);
  });

  test("belongs to its scope, its session and its part of it", async () => {
    using here = world();
    await using loci = await open(here.db);
    await using recorder = loci.recorder({ warn: false });
    recorder.record(raw(1, { uuid: "u" }));
    recorder.record(raw(2, { uuid: "u", subpath: "part" }));
    recorder.record(raw(3, { uuid: "u", scope: "elsewhere" }));
    recorder.record(raw(4, { uuid: "u", sessionId: "other" }));
    await recorder.flush();
    const streams = await loci.engine.find(rawStreams);
    const names = streams.map(({ scope, sessionId, subpath, lines }) =>
      [scope, sessionId, subpath, lines].join(),
    );
    expect(new Set(names)).toEqual(new Set([",other,,1", ",s,,1", ",s,part,1", "elsewhere,s,,1"]));
    expect(numbers(await textOf(loci, "other"))).toEqual([4]);
  });

  test("has its secrets replaced as an import would, and stays JSON", async () => {
    using here = world();
    await using loci = await open(here.db);
    await using recorder = loci.recorder({ warn: false });
    const line = JSON.stringify({
      password: "hunter2hunter2",
      text: 'say "hi" to sk-ant-api03-' + "Ab1".repeat(31),
    });
    recorder.record({ ...raw(0), line } as Happening);
    await recorder.flush();
    const text = await textOf(loci);
    expect(text).not.toContain("Ab1Ab1");
    expect(text).not.toContain("hunter2hunter2");
    expect(JSON.parse(text).text).toMatch(/^say "hi" to \[redacted:/);
    await loci.add([{ ...raw(0), line } as Happening]);
    expect((await textOf(loci)).split("\n").slice(0, 2)).toEqual([text.trim(), text.trim()]);
  });

  test("that is none is refused with a reason", async () => {
    using here = world();
    await using loci = await open(here.db);
    await using recorder = loci.recorder({ warn: false });
    const no = () => {
      throw new Error("no");
    };
    const hostile: ReadonlyArray<readonly [object, string]> = [
      [{ sessionId: "" }, "a rawEvent without a sessionId"],
      [{ source: 7 }, "a rawEvent without a source"],
      [{ line: "two\nlines" }, "a rawEvent whose line is not one line"],
      [{ line: undefined }, "a rawEvent whose line is not one line"],
      [{ line: "x".repeat(17 * 1024 * 1024) }, "larger than 16 MiB"],
      [{ uuid: "u".repeat(2_000) }, "a rawEvent with a name that is not a short text"],
      [{ position: 0.5 }, "a rawEvent whose position is not a whole number"],
    ];
    for (const [more] of hostile) expect(recorder.record(raw(1, more))).toBeUndefined();
    const getter = Object.defineProperty({ ...raw(1) }, "line", { enumerable: true, get: no });
    expect(recorder.record(getter)).toBeUndefined();
    const reasons = Object.keys(recorder.tally.reasons).sort();
    expect(reasons).toEqual(
      [...new Set([...hostile.map(([, reason]) => reason), "cannot be read as JSON"])].sort(),
    );
  });

  test("stands once when its spool is brought in twice, in other batches", async () => {
    using here = world();
    const script = `
      import { createRecorder } from ${JSON.stringify(new URL("../../dist/record/recorder.js", import.meta.url).href)};
      const recorder = createRecorder({ spool: ${JSON.stringify(here.spool)}, store: ${JSON.stringify(here.db)}, drain: false });
      for (let n = 0; n < 700; n++) recorder.record({ kind: "rawEvent", sessionId: "s", source: "test", line: JSON.stringify({ n }) });
      process.kill(process.pid, "SIGKILL");
    `;
    expect(spawnSync(process.execPath, ["--input-type=module", "-e", script]).signal).toBe("SIGKILL");
    const copies = copySpool(here);
    await recover(here);
    copies.restore();
    await using loci = await open(here.db);
    // The account says that all of it stands: without it, every line is written again.
    await loci.engine.write([remove(ledger, {})]);
    await recover(here);
    expect(numbers(await textOf(loci))).toEqual(Array.from({ length: 700 }, (_, n) => n));
    const blocks = await loci.engine.find(rawEvents);
    expect(blocks.reduce((sum, { lines }) => sum + lines, 0)).toBe(700);
  });

  test("is gone once it was removed, also where it comes late; what is noted after that stays", async () => {
    using here = world();
    await using loci = await open(here.db);
    const late = loci.recorder({ warn: false, drain: false });
    late.record(raw(1, { uuid: "late", subpath: "part" }));
    await using recorder = loci.recorder({ warn: false });
    recorder.record(raw(2, { uuid: "u" }));
    recorder.record(raw(3, { uuid: "u", subpath: "part" }));
    await recorder.flush();
    await pause();
    recorder.record(raw(0, { line: "", removed: true }));
    recorder.record(raw(4, { uuid: "u" }));
    await recorder.flush();
    await late.close();
    await loci.recover();
    expect(numbers(await textOf(loci))).toEqual([4]);
    const streams = await loci.engine.find(rawStreams, { where: { lines: { above: 0 } } });
    expect(streams.map(({ subpath, lines }) => [subpath, lines])).toEqual([["", 1]]);
  });
});

/** Another process's lines are told apart from the removal by the millisecond. */
function pause(): Promise<void> {
  const start = Date.now();
  return new Promise((resolve) => {
    const look = (): void => void (Date.now() > start + 1 ? resolve() : setImmediate(look));
    look();
  });
}

function copySpool({ spool }: World): { readonly restore: () => void } {
  const files = readdirSync(spool).map(
    (name) => [join(spool, name), readFileSync(join(spool, name))] as const,
  );
  return { restore: () => files.forEach(([path, bytes]) => writeFileSync(path, bytes)) };
}
