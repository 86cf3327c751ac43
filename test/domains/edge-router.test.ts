import { beforeEach, describe, expect, test } from "vitest";
import { createRouter, type Router } from "../../dist/domains/edge/router.js";
import { LociError } from "../../dist/index.js";
import { type MovedClock, movedClock } from "../support/clock.ts";

const near = { edgeRegion: "near", isPrimary: false };
const mid = { edgeRegion: "mid", isPrimary: true };
const far = { edgeRegion: "far", isPrimary: false };
const all = [far, mid, near];
const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });

let clock: MovedClock;
let router: Router;
beforeEach(() => {
  clock = movedClock();
  router = createRouter({ ...clock, from: "mid" });
});

const seen = (latencies: Readonly<Record<string, number>>): void => {
  for (const [region, latency] of Object.entries(latencies)) router.answered(region, latency);
};
const order = (how?: Parameters<Router["order"]>[1]): string[] =>
  router.order(all, how).map(({ edgeRegion }) => edgeRegion);

describe("the order of regions", () => {
  test("begins where we are while nothing is measured, then goes by latency", () => {
    expect(order()[0]).toBe("mid");
    seen({ near: 4, mid: 40, far: 120 });
    expect(order()).toEqual(["near", "mid", "far"]);
  });

  test("what nobody can probe is tried by a call; what a probe can look at is not", () => {
    seen({ mid: 40 });
    expect(order()).toEqual(["far", "near", "mid"]);
    expect(order({ probed: () => true })[0]).toBe("mid");
  });

  test("changes only for a region that is a fifth nearer, however they jitter around each other", () => {
    seen({ near: 40, mid: 41, far: 200 });
    let changes = 0;
    let last = order()[0];
    for (let n = 0; n < 500; n++) {
      seen({ near: 40 + ((n * 7) % 9) - 4, mid: 40 + ((n * 5) % 9) - 4, far: 200 });
      const [first] = order();
      if (first !== last) changes++;
      last = first;
    }
    expect(changes).toBe(0);
    for (let n = 0; n < 20; n++) seen({ mid: 30 });
    expect(order()[0]).toBe("mid");
  });

  test("one that fails comes last, for 250 ms, then twice as long each time, 10 s at most", async () => {
    seen({ near: 4, mid: 40, far: 120 });
    const pauses: number[] = [];
    for (let n = 0; n < 8; n++) {
      router.failed("near", refused);
      pauses.push(router.estimate("near").retryAt - clock.elapsed());
      expect(order()).toEqual(["mid", "far", "near"]);
      await clock.move(router.estimate("near").retryAt - clock.elapsed());
      expect(order()[0]).toBe("near");
    }
    expect(pauses).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    router.failed("near", refused);
    await clock.move(10_000);
    expect(order({ probed: () => true })).toEqual(["mid", "far", "near"]);
    router.answered("near", 4);
    expect(order({ probed: () => true })[0]).toBe("near");
    expect(router.estimate("near")).toMatchObject({ failures: 0, error: null });
  });

  test("a bound on staleness leaves the primary, and those that are known to be fresh", () => {
    seen({ near: 4, mid: 40, far: 120 });
    router.know("near", { staleness: 900 });
    expect(order({ within: 1_000 })).toEqual(["near", "mid"]);
    expect(order({ within: 500 })).toEqual(["mid"]);
    expect(order({ within: 0 })).toEqual(["mid"]);
  });
});

describe("a read", () => {
  const reading = (
    takes: Readonly<Record<string, number | Error>>,
    options: Parameters<Router["read"]>[2] = {},
  ): { readonly asked: string[]; readonly answer: Promise<string>; readonly aborted: string[] } => {
    const asked: string[] = [];
    const aborted: string[] = [];
    const answer = router.read(
      router.order(all),
      async ({ edgeRegion }, { signal }) => {
        asked.push(edgeRegion);
        signal.addEventListener("abort", () => aborted.push(edgeRegion));
        const how = takes[edgeRegion] ?? 1;
        if (how instanceof Error) throw how;
        await clock.sleep(how);
        return edgeRegion;
      },
      options,
    );
    answer.catch(() => undefined);
    return { asked, answer, aborted };
  };
  beforeEach(() => seen({ near: 4, mid: 40, far: 120 }));

  test("asks the nearest alone, and learns from it", async () => {
    const { asked, answer } = reading({ near: 6 });
    await clock.move(6);
    expect([await answer, asked]).toEqual(["near", ["near"]]);
    expect(router.estimate("near").latency).toBeCloseTo(4.6);
  });

  test("goes on at once where one fails, and blames it", async () => {
    const { asked, answer } = reading({ near: refused, mid: 40 });
    await clock.move(40);
    expect([await answer, asked]).toEqual(["mid", ["near", "mid"]]);
    expect(router.estimate("near").failures).toBe(1);
    expect(order()[0]).toBe("mid");
  });

  test("asks the next one too where one is silent: its timeout, and one exchange more", async () => {
    const { answer, aborted } = reading({ near: 1e9, mid: 40 });
    await clock.move(89);
    expect(router.estimate("near").failures).toBe(0);
    await clock.move(1);
    expect(await answer).toBe("mid");
    expect(clock.elapsed()).toBe(50 + 40);
    expect(aborted).toContain("near");
    expect(router.estimate("near")).toMatchObject({ failures: 1, error: "It did not answer in time." });
  });

  test("that is slow everywhere is answered by the first that was asked, and nobody is blamed", async () => {
    const { answer } = reading({ near: 3_000, mid: 3_000, far: 3_000 });
    await clock.move(3_000);
    expect(await answer).toBe("near");
    expect(["near", "mid", "far"].map((region) => router.estimate(region).failures)).toEqual([0, 0, 0]);
    // Counted as its timeout: the nearest stays the nearest.
    expect(router.estimate("near").latency).toBeLessThan(20);
    expect(order()[0]).toBe("near");
  });

  test("that every region refuses is the caller's own error, and nobody is blamed", async () => {
    const wrong = new Error("syntax error");
    const { asked, answer } = reading({ near: wrong, mid: wrong, far: wrong });
    await expect(answer).rejects.toBe(wrong);
    expect(asked).toEqual(["near", "mid", "far"]);
    expect(["near", "mid", "far"].map((region) => router.estimate(region).failures)).toEqual([0, 0, 0]);
  });

  test("that reaches nobody says each reason, and what helps", async () => {
    const lost = new LociError("unreachable", "iad does not answer");
    const { answer } = reading({ near: refused, mid: lost, far: refused });
    await expect(answer).rejects.toMatchObject({
      code: "unreachable",
      message:
        "No region answered. near: connect ECONNREFUSED; mid: iad does not answer; far: connect ECONNREFUSED",
      next: "loci edge probe",
    });
    expect(["near", "mid", "far"].map((region) => router.estimate(region).failures)).toEqual([1, 1, 1]);
  });

  test("also asks those whose breaker is open, where no other is left", async () => {
    for (const { edgeRegion } of all) router.failed(edgeRegion, refused);
    const { answer } = reading({ near: refused, mid: refused, far: 120 });
    await clock.move(120);
    expect(await answer).toBe("far");
  });

  test("ends at its deadline", async () => {
    const { answer } = reading({ near: 1e9, mid: 1e9, far: 1e9 }, { deadline: 1_000 });
    await clock.move(1_000);
    await expect(answer).rejects.toMatchObject({ code: "unreachable" });
    expect(clock.elapsed()).toBe(1_000);
  });

  test("without a region says how one is registered", async () => {
    await expect(router.read([], async () => 1)).rejects.toMatchObject({
      code: "not-found",
      next: expect.stringContaining("loci edge add"),
    });
  });
});
