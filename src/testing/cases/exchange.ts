import assert from "node:assert/strict";
import { type Change, type Engine, type Exchanged, guard, insert, update } from "../../engine/engine.ts";
import type { Cases } from "../opened.ts";
import { type Job, job, jobs, type Thing, thing, things } from "../things.ts";

/** Hands in `changes` and takes the first jobs that are ready. */
function exchange(engine: Engine, changes: readonly Change[], limit: number): Promise<Exchanged<Job>> {
  return engine.exchange(changes, {
    from: jobs,
    query: { where: { state: "ready" }, orderBy: [["priority", "down"]], limit },
    patch: { state: "taken", by: "a", attempts: { add: 1 } },
  });
}

async function fill(engine: Engine): Promise<void> {
  await engine.write([
    insert(jobs, [
      job({ id: "held", state: "taken", by: "a", attempts: 1 }),
      job({ id: "low", priority: 1 }),
      job({ id: "high", priority: 2 }),
    ]),
  ]);
}

const done = (id: string): Change => guard(update(jobs, { id, state: "taken" }, { state: "done", by: null }));
const note = (id: string): Change => insert(things, [thing({ id })]);

async function statesOf(engine: Engine): Promise<string> {
  const rows = await engine.find(jobs);
  return rows.map(({ id, state }) => `${id} ${state}`).join(", ");
}

async function thingsOf(engine: Engine): Promise<string> {
  const rows: readonly Thing[] = await engine.find(things);
  return rows.map(({ id, note: text }) => (text === null ? id : `${id} ${text}`)).join(", ");
}

export const exchangeCases: Cases = {
  "an exchange writes and takes in one step": async ({ engine }) => {
    await fill(engine);
    const { counts, taken } = await exchange(engine, [done("held"), note("n")], 1);
    assert.deepEqual(counts, [1, 1]);
    assert.deepEqual(taken, [job({ id: "high", priority: 2, state: "taken", by: "a", attempts: 1 })]);
    assert.equal(await statesOf(engine), "held done, high taken, low ready");
    assert.equal(await thingsOf(engine), "n");
  },

  "an exchange takes in the order of its query": async ({ engine }) => {
    await fill(engine);
    const { taken } = await exchange(engine, [done("held"), note("n")], 5);
    assert.deepEqual(
      taken.map(({ id }) => id),
      ["high", "low"],
    );
  },

  "an exchange with nothing to take still writes": async ({ engine }) => {
    await fill(engine);
    await exchange(engine, [], 5);
    const { counts, taken } = await exchange(engine, [done("held"), note("n")], 1);
    assert.deepEqual({ counts, taken }, { counts: [1, 1], taken: [] });
    assert.deepEqual(await exchange(engine, [], 1), { counts: [], taken: [] });
    assert.deepEqual(await exchange(engine, [note("m"), note("n")], 0), { counts: [1, 0], taken: [] });
  },

  "an exchange whose guard does not hold does nothing": async ({ engine }) => {
    await fill(engine);
    const before = await statesOf(engine);
    assert.deepEqual(await exchange(engine, [done("low"), note("n")], 5), { counts: [0, 0], taken: [] });
    assert.deepEqual(await exchange(engine, [note("n"), done("low")], 5), { counts: [0, 0], taken: [] });
    assert.equal(await statesOf(engine), before);
    assert.equal(await thingsOf(engine), "");
    await engine.write([insert(things, [thing({ id: "n" })])]);
    const both = guard(insert(things, [thing({ id: "m" }), thing({ id: "n" })]));
    assert.deepEqual(await exchange(engine, [both], 5), { counts: [0], taken: [] });
    assert.deepEqual(await exchange(engine, [guard(insert(things, [thing({ id: "n" })])), done("held")], 5), {
      counts: [0, 0],
      taken: [],
    });
    assert.equal(await statesOf(engine), before);
    assert.equal(await thingsOf(engine), "n");
  },

  "each guard of several can stop an exchange": async ({ engine }) => {
    await fill(engine);
    await engine.write([note("n")]);
    const first = guard(insert(things, [thing({ id: "m" })]));
    const again = guard(insert(things, [thing({ id: "n" })]));
    const none = { counts: [0, 0], taken: [] };
    assert.deepEqual(await exchange(engine, [done("held"), again], 1), none);
    assert.deepEqual(await exchange(engine, [done("low"), first], 1), none);
    assert.deepEqual(await engine.write([done("held"), again]), [0, 0]);
    assert.equal(await statesOf(engine), "held taken, high ready, low ready");
    assert.equal(await thingsOf(engine), "n");
    const { counts, taken } = await exchange(engine, [done("held"), first], 1);
    assert.deepEqual(counts, [1, 1]);
    assert.deepEqual(
      taken.map(({ id }) => id),
      ["high"],
    );
  },

  "several guards of one collection stand or fall together, however many they are": async ({ engine }) => {
    await fill(engine);
    await engine.write([
      insert(
        jobs,
        [1, 2, 3].map((n) => job({ id: `h${n}`, state: "taken", by: "b" })),
      ),
    ]);
    const both = (...ids: string[]): Change =>
      guard(
        insert(
          things,
          ids.map((id) => thing({ id })),
        ),
      );
    const before = await statesOf(engine);
    const none = { counts: [0, 0, 0], taken: [] };
    assert.deepEqual(await exchange(engine, [done("h1"), done("low"), both("m", "n")], 1), none);
    assert.deepEqual(await exchange(engine, [done("h1"), done("h1"), both("m", "n")], 1), none);
    await engine.write([note("o")]);
    assert.deepEqual(await exchange(engine, [done("h1"), done("h2"), both("m", "o")], 1), none);
    assert.deepEqual(await engine.write([both("m", "o"), done("h1"), done("h2")]), [0, 0, 0]);
    assert.equal(await statesOf(engine), before);
    const { counts, taken } = await exchange(engine, [done("h1"), done("h2"), both("m", "n")], 5);
    assert.deepEqual(counts, [1, 1, 2]);
    assert.equal(taken.map(({ id }) => id).join(), "high,low");
    assert.deepEqual(await engine.write([done("h3"), done("held"), both("p", "q")]), [1, 1, 2]);
    assert.equal(await statesOf(engine), "h1 done, h2 done, h3 done, held done, high taken, low taken");
    assert.equal(await thingsOf(engine), "m, n, o, p, q");
  },

  "an exchange takes what its changes made": async ({ engine }) => {
    await fill(engine);
    const back = update(jobs, { id: "held" }, { state: "ready", priority: 9 });
    const { counts, taken } = await exchange(engine, [back, insert(jobs, [job({ id: "new" })])], 9);
    assert.deepEqual(counts, [1, 1]);
    assert.deepEqual(
      taken.map(({ id }) => id),
      ["held", "high", "low", "new"],
    );
  },

  "an exchange does not take what its changes put away": async ({ engine }) => {
    await fill(engine);
    const away = update(jobs, { id: "high" }, { state: "done" });
    const { taken } = await exchange(engine, [away], 9);
    assert.deepEqual(
      taken.map(({ id }) => id),
      ["low"],
    );
  },

  "several changes of one row count in their order": async ({ engine }) => {
    await engine.write([insert(things, [thing({ id: "a" })])]);
    const answer = await exchange(
      engine,
      [
        guard(update(things, { id: "a", note: null }, { note: "first" })),
        update(things, { note: "first" }, { note: "second" }),
        note("b"),
      ],
      1,
    );
    assert.deepEqual(answer, { counts: [1, 1, 1], taken: [] });
    assert.equal(await thingsOf(engine), "a second, b");
  },

  "writes that come together each stand or fall alone": async ({ engine }) => {
    await fill(engine);
    await engine.write([note("x"), note("y")]);
    const both = await Promise.all([
      exchange(engine, [done("held"), note("c")], 1),
      exchange(engine, [done("held"), note("d")], 1),
      engine.write([note("a")]),
      engine.write([note("b"), done("low")]),
      // Two things cannot share a shelf's place: this one is an error.
      assert.rejects(engine.write([note("e"), update(things, { id: "y" }, { shelf: "shelf of x" })])),
      engine.write([note("f")]),
    ]);
    assert.deepEqual(both.slice(2), [[1], [0, 0], undefined, [1]]);
    // Of the two that hand in the same job, one does; the other is refused whole.
    const [c, d] = [both[0].counts, both[1].counts];
    const won = c[0] === 1;
    assert.deepEqual(won ? [c, d] : [d, c], [
      [1, 1],
      [0, 0],
    ]);
    assert.equal((won ? both[1] : both[0]).taken.length, 0);
    assert.equal(await thingsOf(engine), `a, ${won ? "c" : "d"}, f, x, y`);
  },
};
