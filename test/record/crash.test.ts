import { describe, expect, test } from "vitest";
import {
  acknowledged,
  ledgerOf,
  recover,
  spoolFiles,
  startHost,
  stored,
  tallyOf,
  until,
  upTo,
  world,
} from "./world.ts";

/** mulberry32: the same seed, the same run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe("when the host ends", () => {
  test("kill -9 at any moment loses nothing that was acknowledged, doubles nothing, tears nothing", async () => {
    const seed = Number(process.env["LOCI_TEST_SEED"] ?? Date.now() % 1_000_000);
    const random = randomFrom(seed);
    using here = world();
    let kills = 0;
    let events = 0;
    console.log(`kill -9: seed ${seed} (LOCI_TEST_SEED=${seed} npx vitest run test/record/crash.test.ts)`);
    for (let run = 0; run < 30; run += 2) {
      // Two at once, on one store and one spool folder; the survivors of a round drain what the dead left.
      const sessions = [`kill-${run}`, `kill-${run + 1}`];
      await Promise.all(
        sessions.map(async (session) => {
          const host = startHost(here, {
            session,
            rate: random() < 0.3 ? 0 : 2_000,
            bytes: random() < 0.2 ? 20_000 : 200,
          });
          await host.recording;
          await new Promise((resolve) => setTimeout(resolve, random() * 150));
          host.process.kill("SIGKILL");
          expect((await host.ended).signal).toBe("SIGKILL");
          kills++;
        }),
      );
    }
    await recover(here);
    expect(spoolFiles(here)).toEqual([]);
    for (let run = 0; run < 30; run++) {
      const session = `kill-${run}`;
      const count = acknowledged(here, session);
      const { numbers, sequences, messageCount } = await stored(here, session);
      // One more may have been written and not yet answered for.
      expect([count, count + 1], session).toContain(numbers.length);
      expect(numbers, session).toEqual(upTo(numbers.length));
      expect(sequences, session).toEqual(upTo(numbers.length));
      expect(messageCount).toBe(numbers.length);
      events += count;
    }
    for (const row of await ledgerOf(here)) expect(row.written + row.dropped, row.id).toBe(row.noted);
    console.log(`kill -9: ${kills} kills, ${events} acknowledged happenings, none lost`);
    expect(kills).toBe(30);
    expect(events).toBeGreaterThan(1_000);
  });

  test.each([
    { end: "exit", flags: [], code: 0 },
    { end: "exit 7", flags: [], code: 7 },
    { end: "throw", flags: [], code: 1 },
    { end: "memory", flags: ["--max-old-space-size=40"], code: null },
  ])("$end: nothing is lost, and it ends as it would without us", async ({ end, flags, code }) => {
    using here = world();
    const host = startHost(here, { session: "s", count: 3_000, end }, flags);
    const { code: ended, signal } = await host.ended;
    expect(ended).toBe(code);
    if (code === null) expect(signal).toBe("SIGABRT");
    await recover(here);
    expect((await stored(here, "s")).numbers).toEqual(upTo(3_000));
  });

  test("SIGTERM ends it at once, with its own signal", async () => {
    using here = world();
    const host = startHost(here, { session: "s", rate: 2_000 });
    await host.recording;
    await until(() => acknowledged(here, "s") > 500);
    const asked = performance.now();
    host.process.kill("SIGTERM");
    const { signal, at } = await host.ended;
    console.log(`SIGTERM: ended after ${(at - asked).toFixed(0)} ms`);
    expect(signal).toBe("SIGTERM");
    expect(at - asked).toBeLessThan(2_000);
    await recover(here);
    const { numbers } = await stored(here, "s");
    expect(numbers).toEqual(upTo(numbers.length));
    expect(numbers.length).toBeGreaterThanOrEqual(acknowledged(here, "s"));
  });

  test("an idle recorder keeps no process alive", async () => {
    using here = world();
    const host = startHost(here, { session: "s", count: 10 });
    expect(await host.ended).toMatchObject({ code: 0, signal: null });
    await recover(here);
    expect((await stored(here, "s")).numbers).toEqual(upTo(10));
  });

  test("a blocked event loop holds up nothing: the thread goes on", async () => {
    using here = world();
    const host = startHost(here, { session: "s", count: 1_000, end: "block" });
    await host.ended;
    // Read by the host itself after 1.5 s in which it did nothing but spin.
    expect(tallyOf(here, "s")).toMatchObject({ noted: 2_000, written: 2_000, spooled: 0, dropped: 0 });
  });
});

describe("many processes on one store", () => {
  test("eight at once: everything is there once, in order", async () => {
    using here = world();
    const hosts = upTo(8).map((n) => startHost(here, { session: `p${n}`, count: 500, end: "close" }));
    for (const host of hosts) expect((await host.ended).code).toBe(0);
    for (const n of upTo(8)) {
      expect(tallyOf(here, `p${n}`)).toMatchObject({ noted: 500, written: 500, spooled: 0, dropped: 0 });
      expect((await stored(here, `p${n}`)).numbers).toEqual(upTo(500));
    }
    expect(spoolFiles(here)).toEqual([]);
  });

  test("two record one session: no sequence stands twice, nothing is lost", async () => {
    using here = world();
    const hosts = upTo(2).map(() =>
      startHost(here, { session: "both", count: 800, rate: 4_000, end: "close" }),
    );
    for (const host of hosts) expect((await host.ended).code).toBe(0);
    const { numbers, sequences } = await stored(here, "both");
    expect(numbers.toSorted((a, b) => a - b)).toEqual(upTo(800).flatMap((n) => [n, n]));
    expect(new Set(sequences).size).toBe(1_600);
  });

  test("processes of a moment only write the spool; the next one brings it all to the store", async () => {
    using here = world();
    const took: number[] = [];
    for (let start = 0; start < 40; start += 8) {
      const hosts = upTo(8).map((n) => ({
        began: performance.now(),
        host: startHost(here, { session: `h${start + n}`, count: 1, drain: false }),
      }));
      if (start === 16) hosts[3]?.host.process.kill("SIGKILL");
      for (const { began, host } of hosts) {
        const { code, at } = await host.ended;
        if (code !== null) expect(code).toBe(0);
        took.push(at - began);
      }
    }
    took.sort((a, b) => a - b);
    console.log(
      `40 short processes, 8 at a time: p50 ${took[20]?.toFixed(0)} ms, p95 ${took[38]?.toFixed(0)} ms each`,
    );
    const { recorders, lost } = await recover(here);
    const counts = upTo(40).map((n) => acknowledged(here, `h${n}`));
    expect(recorders).toBeGreaterThanOrEqual(counts.filter((count) => count > 0).length);
    expect(lost).toBe(0);
    for (const n of upTo(40)) {
      expect((await stored(here, `h${n}`)).numbers.length).toBeGreaterThanOrEqual(counts[n - 1] ?? 0);
    }
  });
});
