import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { insert } from "../../engine/engine.ts";
import type { Cases, Elsewhere } from "../opened.ts";
import { job, jobs, takeAll } from "../things.ts";

const processes = 8;
const rows = 400;

export const takeCases: Cases = {
  "rows are taken in order, up to the limit, as they are afterwards": async ({ engine }) => {
    await engine.write([
      insert(jobs, [
        job({ id: "a", priority: 1, runAt: 30 }),
        job({ id: "b", priority: 2, runAt: 20 }),
        job({ id: "c", priority: 2, runAt: 10 }),
        job({ id: "d", priority: 9, runAt: 99 }),
        job({ id: "e", priority: 3, state: "done" }),
      ]),
    ]);
    const taken = await engine.take(
      jobs,
      {
        where: { state: "ready", runAt: { upTo: 50 } },
        orderBy: [
          ["priority", "down"],
          ["runAt", "up"],
        ],
        limit: 2,
      },
      { state: "taken", by: "me", runAt: 5, attempts: { add: 1 } },
    );
    assert.deepEqual(taken, [
      job({ id: "c", priority: 2, runAt: 5, state: "taken", by: "me", attempts: 1 }),
      job({ id: "b", priority: 2, runAt: 5, state: "taken", by: "me", attempts: 1 }),
    ]);
    const left = await engine.find(jobs, { where: { state: "ready" } });
    assert.deepEqual(
      left.map(({ id }) => id),
      ["a", "d"],
    );
  },

  "nothing to take is an empty list": async ({ engine }) => {
    const patch = { state: "taken" };
    assert.deepEqual(await engine.take(jobs, { where: { state: "ready" }, limit: 5 }, patch), []);
    await engine.write([insert(jobs, [job({ id: "a" })])]);
    assert.deepEqual(await engine.take(jobs, { limit: 0 }, patch), []);
    assert.equal((await engine.find(jobs))[0]?.state, "ready");
  },

  "take gives each row to one taker": async ({ engine }) => {
    await engine.write([
      insert(
        jobs,
        Array.from({ length: 60 }, (_, n) => job({ id: `j${n}` })),
      ),
    ]);
    const taker = (n: number): Promise<Array<{ id: string }>> =>
      engine.take(jobs, { where: { state: "ready" }, limit: 2 }, { state: "taken", by: `${n}` });
    const taken = (await Promise.all(Array.from({ length: 25 }, (_, n) => taker(n)))).flat();
    assert.ok(taken.length > 25, `only ${taken.length} rows were taken`);
    assert.equal(new Set(taken.map(({ id }) => id)).size, taken.length);
    const marked = await engine.find(jobs, { where: { state: "taken" } });
    assert.equal(marked.length, taken.length);
  },

  "8 takers that empty a queue share it, each in its process where the engine allows that": async ({
    engine,
    elsewhere,
  }) => {
    const queue = Array.from({ length: rows }, (_, n) => job({ id: `j${n}`, priority: n % 7 }));
    await engine.write([insert(jobs, queue)]);
    const names = Array.from({ length: processes }, (_, n) => `taker ${n}`);
    const taken = elsewhere
      ? await takeInProcesses(elsewhere, names)
      : await Promise.all(names.map((by) => takeAll(engine, by)));
    assert.equal(taken.flat().length, rows, `taken: ${taken.map(({ length }) => length).join(", ")}`);
    assert.equal(new Set(taken.flat()).size, rows);
    for (const [n, ids] of taken.entries()) {
      const marked = await engine.find(jobs, { where: { by: `taker ${n}`, attempts: 1 }, fields: ["id"] });
      assert.deepEqual(
        marked.map(({ id }) => id),
        ids.toSorted(),
      );
    }
  },
};

async function takeInProcesses(elsewhere: Elsewhere, names: readonly string[]): Promise<string[][]> {
  const takers = names.map((by) => startTaker(elsewhere, by));
  // All are ready before any begins.
  await Promise.all(takers.map(({ ready }) => ready));
  for (const { go } of takers) go();
  return Promise.all(takers.map(({ taken }) => taken));
}

interface Taker {
  readonly ready: Promise<unknown>;
  go(): void;
  readonly taken: Promise<string[]>;
}

function startTaker(elsewhere: Elsewhere, by: string): Taker {
  const script = fileURLToPath(new URL("../taker.js", import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify(elsewhere), by], {
    stdio: ["pipe", "pipe", "inherit", "ipc"],
  });
  const ready = Promise.race([once(child, "message"), ended(child, by)]);
  return {
    ready,
    go: () => child.send("go"),
    taken: resultOf(child, by),
  };
}

async function resultOf(child: ChildProcess, by: string): Promise<string[]> {
  const [printed] = await Promise.all([child.stdout ? text(child.stdout) : "", ended(child, by)]);
  // The taker prints its list of ids and nothing else.
  const ids: string[] = JSON.parse(printed);
  return ids;
}

async function ended(child: ChildProcess, by: string): Promise<void> {
  await once(child, "exit");
  assert.equal(child.exitCode, 0, `${by} ended with ${child.exitCode ?? child.signalCode}`);
}
