import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Wake } from "../../engine/engine.ts";
import { type Cases, openElsewhere } from "../opened.ts";
import { jobs, things } from "../things.ts";

/** Long enough for a machine that is busy with other tests; a hint that works takes some ms. */
const patience = 10_000;

async function until(condition: () => boolean, what: string): Promise<void> {
  for (const started = performance.now(); !condition(); await sleep(2)) {
    assert.ok(performance.now() - started < patience, what);
  }
}

function required(wake: Wake | undefined): Wake {
  assert.ok(wake, "the engine has no wake");
  return wake;
}

export const wakeCases: Cases = {
  "who listens to a collection is told of it": async ({ engine }) => {
    const wake = required(engine.wake);
    let heard = 0;
    const end = wake.listen(jobs, () => heard++);
    await until(wake.works, "hints do not reach this process");
    heard = 0;
    wake.tell(jobs);
    await until(() => heard > 0, "nothing was heard");
    end();
  },

  "who listens elsewhere is told, too": async ({ engine, elsewhere }) => {
    const here = required(engine.wake);
    const other = elsewhere ? await openElsewhere(elsewhere) : engine;
    try {
      const there = required(other.wake);
      let heard = 0;
      const end = there.listen(jobs, () => heard++);
      await until(there.works, "hints do not reach the other side");
      for (let round = 1; round <= 20; round++) {
        heard = 0;
        here.tell(jobs);
        await until(() => heard > 0, `nothing was heard in round ${round}`);
      }
      end();
    } finally {
      if (other !== engine) await other.close();
    }
  },

  "who has ended is not told": async ({ engine }) => {
    const wake = required(engine.wake);
    let [first, second, third] = [0, 0, 0];
    const end = wake.listen(jobs, () => first++);
    const endSecond = wake.listen(jobs, () => second++);
    await until(wake.works, "hints do not reach this process");
    end();
    end();
    const endThird = wake.listen(things, () => third++);
    [first, second, third] = [0, 0, 0];
    wake.tell(jobs);
    await until(() => second > 0, "nothing was heard");
    assert.equal(first, 0);
    endSecond();
    wake.tell(things);
    await until(() => third > 0, "nothing was heard");
    endThird();
  },

  "telling where nobody listens is fine, and so is telling a lot": async ({ engine }) => {
    const wake = required(engine.wake);
    for (let times = 0; times < 500; times++) wake.tell(jobs);
    await engine.close();
    wake.tell(jobs);
    wake.listen(jobs, () => undefined)();
  },
};
