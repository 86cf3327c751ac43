import { describe, expect, test } from "vitest";
import { createClock } from "../../dist/domains/clock.js";
import { createMemoryEngine } from "../../dist/engine/memory.js";

/** A store whose clock is an hour ahead of `elapsed`, and whose answers take these times, back more than there. */
function store(ways: readonly number[]) {
  let elapsed = 0;
  let asked = 0;
  const engine = {
    ...createMemoryEngine(),
    now: async () => {
      const at = 3_600_000 + elapsed;
      elapsed += ways[Math.min(asked++, ways.length - 1)] ?? 0;
      return at;
    },
  };
  const wait = (ms: number): void => void (elapsed += ms);
  return { clock: createClock(engine, { now: Date.now, elapsed: () => elapsed }), asked: () => asked, wait };
}

describe("the store's clock", () => {
  test("is asked again where the first answer took long, and the quickest answer counts", async () => {
    const { clock, asked, wait } = store([80, 2]);
    // The first answer alone would be wrong by 40 ms.
    expect(await clock()).toBe(3_600_000 + 80 + 2 - 1);
    expect(asked()).toBe(2);
    wait(29_000);
    await clock();
    expect(asked()).toBe(2);
    wait(2_000);
    await clock();
    expect(asked()).toBe(3);
  });

  test("is asked three times at most", async () => {
    const { clock, asked } = store([90, 30, 60]);
    expect(await clock()).toBe(3_600_000 + 90 + 30 + 60 - 15);
    expect(asked()).toBe(3);
  });
});
