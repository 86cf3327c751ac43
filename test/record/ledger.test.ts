import { rmSync } from "node:fs";
import { expect, test } from "vitest";
import { createLedger } from "../../dist/domains/ledger.js";
import { open } from "../../dist/index.js";
import { readSpool } from "../../dist/record/read-spool.js";
import { hasLeftovers } from "../../dist/record/recovery.js";
import { createRecorder } from "../../dist/record/recorder.js";
import { acknowledged, recover, startHost, until, upTo, world } from "./world.ts";

test("the ledger says of every recorder what it noted and where that is", async () => {
  using here = world();
  const message = { kind: "message", sessionId: "s", role: "user", content: "x" } as const;
  const options = { spool: here.spool, store: here.db, warn: false } as const;
  // One that ended well, with two drops; one that lives and only spools; one that is killed.
  const ended = createRecorder(options);
  for (const _ of upTo(10)) ended.record(message);
  ended.record({ kind: "message", sessionId: "s", role: "" });
  ended.record({ kind: "session", id: "" });
  await ended.close();
  await using alive = createRecorder({ ...options, drain: false });
  for (const _ of upTo(7)) alive.record(message);
  const host = startHost(here, { session: "k", rate: 1_000, drain: false });
  await until(() => acknowledged(here, "k") >= 20);
  host.process.kill("SIGKILL");
  await host.ended;

  await using loci = await open(here.db);
  const ledger = createLedger(loci.engine);
  expect(hasLeftovers(here.spool)).toBe(true);
  const before = await ledger.statement(readSpool(here.spool));
  expect(before.recorders.map(({ life }) => life)).toEqual(["ended", "alive", "dead"]);
  expect(before.noted).toBe(before.written + before.spooled + before.dropped);
  expect(before).toMatchObject({ written: 10, dropped: 2, missing: 0, spoolFiles: 2 });
  expect(before.spooled).toBeGreaterThanOrEqual(27);
  expect(before.reasons).toEqual({ "a message without a role": 1, "a session without an id": 1 });

  await recover(here);
  expect(hasLeftovers(here.spool)).toBe(false);
  const after = await ledger.statement(readSpool(here.spool));
  expect(after).toMatchObject({ noted: before.noted, spooled: 7, dropped: 2, missing: 0 });
  expect((await ledger.list()).map((row) => row.noted - row.written - row.dropped)).toEqual([0, 0]);
});

test("a spool that somebody removed is missing, and said to be", async () => {
  using here = world();
  const recorder = createRecorder({ spool: here.spool, store: here.db, warn: false });
  for (const _ of upTo(5)) recorder.record({ kind: "message", sessionId: "s", role: "user" });
  await recorder.close();
  await using loci = await open(here.db);
  const { ledger } = await import("../../dist/model/ledger.js");
  const { update } = await import("../../dist/engine/engine.js");
  await loci.engine.write([update(ledger, {}, { noted: 9 })]);
  rmSync(here.spool, { recursive: true });
  expect(await createLedger(loci.engine).statement(readSpool(here.spool))).toMatchObject({
    noted: 9,
    written: 5,
    missing: 4,
  });
});
