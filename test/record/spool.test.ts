import { appendFileSync, chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Happening } from "../../dist/index.js";
import { createRecorder, type RecorderOptions } from "../../dist/record/recorder.js";
import { ledgerOf, recover, spoolFiles, stored, upTo, type World, world } from "./world.ts";

function recorderIn(here: World, options: Partial<RecorderOptions> = {}) {
  return createRecorder({ spool: here.spool, store: here.db, warn: false, ...options });
}

function message(n: number, more: object = {}): Happening {
  return { kind: "message", sessionId: "s", role: "user", content: `${n} text`, ...more };
}

describe("the spool", () => {
  test("is ours alone, also under umask 000 and in a folder that was open", async () => {
    using here = world();
    mkdirSync(here.spool);
    chmodSync(here.spool, 0o777);
    const before = process.umask(0);
    try {
      await using recorder = recorderIn(here, { drain: false });
      recorder.record(message(1));
      const [file = ""] = spoolFiles(here);
      expect(statSync(here.spool).mode & 0o777).toBe(0o700);
      expect(statSync(join(here.spool, file)).mode & 0o777).toBe(0o600);
    } finally {
      process.umask(before);
    }
  });

  test("goes on in a new file at 8 MB, and files are gone once they are in the store", async () => {
    using here = world();
    const recorder = recorderIn(here, { drain: false });
    const filler = "x".repeat(100_000);
    for (const n of upTo(200)) recorder.record(message(n, { content: `${n} ${filler}` }));
    expect(spoolFiles(here)).toHaveLength(3);
    await recorder.close();
    expect(await recover(here)).toEqual({ recorders: 1, files: 3, written: 200, lost: 0, torn: 0 });
    expect(spoolFiles(here)).toEqual([]);
    expect((await stored(here, "s")).numbers).toEqual(upTo(200));
  });

  test("has a limit, and drops are counted with that reason", async () => {
    using here = world();
    await using recorder = recorderIn(here, { drain: false, spoolLimit: 16 * 1024 * 1024 });
    const filler = "x".repeat(1_000_000);
    for (const n of upTo(30)) recorder.record(message(n, { content: `${n} ${filler}` }));
    const { noted, spooled, dropped, reasons } = recorder.tally;
    expect(spooled).toBe(18);
    expect({ noted, dropped }).toEqual({ noted: 30, dropped: 12 });
    expect(reasons).toEqual({ "the spool is full": 12 });
  });

  test("a damaged line is counted and the others go on; a torn tail was never promised", async () => {
    using here = world();
    const recorder = recorderIn(here, { drain: false });
    for (const n of upTo(9)) recorder.record(message(n));
    const [file = ""] = spoolFiles(here);
    const path = join(here.spool, file);
    const lines = readFileSync(path, "utf8").split("\n");
    // One bit of a text, and a whole line of noise: both would still look like lines.
    lines[2] = (lines[2] ?? "").replace("3 text", "3 tezt");
    lines[5] = "\u0000\u0000 noise";
    writeFileSync(path, lines.join("\n"));
    appendFileSync(path, '10 0 00000000 {"kind":"mess');
    await recorder.close();
    expect(await recover(here)).toEqual({ recorders: 1, files: 1, written: 7, lost: 2, torn: 1 });
    expect((await stored(here, "s")).numbers).toEqual([1, 2, 4, 5, 7, 8, 9]);
    expect(await ledgerOf(here)).toMatchObject([
      { noted: 9, written: 7, dropped: 2, reasons: { "damaged in the spool": 2 } },
    ]);
  });

  test("drained twice, after a crash between the write and its acknowledgement, everything stands once", async () => {
    using here = world();
    const recorder = recorderIn(here, { drain: false });
    for (const n of upTo(50)) {
      recorder.record(message(n));
      recorder.record({ kind: "modelCall", sessionId: "s", model: "m", inputTokens: 10, outputTokens: 1 });
      recorder.record({
        kind: "toolExecution",
        sessionId: "s",
        toolName: "t",
        status: "completed",
        callId: `c${n}`,
      });
    }
    const copies = spoolFiles(here).map((file) => [file, readFileSync(join(here.spool, file))] as const);
    await recorder.close();
    await recover(here);
    const { open } = await import("../../dist/index.js");
    const { ledger } = await import("../../dist/model/ledger.js");
    const { remove } = await import("../../dist/engine/engine.js");
    for (let again = 0; again < 5; again++) {
      for (const [file, bytes] of copies)
        writeFileSync(join(here.spool, file.replace(/-\d+-\d+\.spool$/, "-0-0.spool")), bytes);
      await using loci = await open(here.db);
      // Also where the store does not know any more that it was there.
      if (again % 2 === 0) await loci.engine.write([remove(ledger, {})]);
      await recover(here);
      expect(await loci.sessions.get("s")).toMatchObject({
        messageCount: 50,
        toolCount: 50,
        inputTokens: 500,
        outputTokens: 50,
      });
    }
    expect((await stored(here, "s")).numbers).toEqual(upTo(50));
  });

  test("what the store holds already is not written again", async () => {
    using here = world();
    const recorder = recorderIn(here);
    for (const n of upTo(10)) recorder.record(message(n));
    await recorder.flush();
    const copies = spoolFiles(here).map((file) => [file, readFileSync(join(here.spool, file))] as const);
    await recorder.close();
    for (const [file, bytes] of copies)
      writeFileSync(join(here.spool, file.replace(/-\d+-\d+\.spool$/, "-0-0.spool")), bytes);
    expect(await recover(here)).toMatchObject({ recorders: 1, lost: 0 });
    expect(await ledgerOf(here)).toMatchObject([{ noted: 10, written: 10, dropped: 0 }]);
  });
});
