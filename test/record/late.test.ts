import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openDrainStore } from "../../dist/drain-store.js";
import { createSessions } from "../../dist/domains/sessions.js";
import type { Happening, Session } from "../../dist/index.js";
import { createRecorder } from "../../dist/record/recorder.js";
import { recoverLeftovers } from "../../dist/record/recovery.js";
import { type World, world } from "./world.ts";

type Word = Omit<Extract<Happening, { kind: "session" }>, "kind" | "id">;

/** What one recorder noted before it was killed: what, and when. */
type Life = ReadonlyArray<readonly [at: number, happening: Happening]>;

const start = Date.UTC(2026, 0, 1);

function said(word: Word): Happening {
  return { kind: "session", id: "s", ...word };
}

function message(id: string, more: object = {}): Happening {
  return { kind: "message", id, sessionId: "s", role: "user", content: id, ...more };
}

async function leave(spool: string, life: Life): Promise<void> {
  mkdirSync(spool, { recursive: true });
  let now = 0;
  const recorder = createRecorder({ spool, store: "memory:", warn: false, drain: false, now: () => now });
  for (const [at, happening] of life) {
    now = start + at;
    recorder.record(happening);
  }
  await recorder.close();
}

/** The session's row once the leftovers of these lives came into a store, in this order. */
async function drained(
  here: World,
  lives: readonly Life[],
  order: readonly number[],
): Promise<Session | null> {
  const name = order.join("");
  const store = await openDrainStore("memory:");
  try {
    for (const at of order) {
      const spool = join(here.folder, `${name}.${at}`);
      await leave(spool, lives[at] ?? []);
      await recoverLeftovers(store, { spool });
    }
    return await createSessions(store.engine).get("s");
  } finally {
    await store.close();
  }
}

const orders = [
  [0, 1],
  [1, 0],
];

/** The session's row where the first of two lives comes into the store behind the second. */
async function drainedLate(late: Life, first: Life): Promise<Session | null> {
  using here = world();
  return drained(here, [late, first], [1, 0]);
}

async function sameInEveryOrder(lives: readonly Life[]): Promise<Session | null> {
  using here = world();
  const rows: Array<Session | null> = [];
  for (const order of orders) rows.push(await drained(here, lives, order));
  for (const [at, row] of rows.entries()) expect(row, `${orders[at]?.join(", ")}`).toEqual(rows[0]);
  return rows[0] ?? null;
}

describe("a leftover that comes into the store behind what was said since", () => {
  const planning: Life = [
    [10, said({ agentType: "planning", title: "Plan", status: "running", inputTokens: 5, model: "m" })],
    [11, message("m1")],
    [12, said({ metadata: { step: 1 } })],
  ];
  const goingOn: Life = [
    [20, said({ title: "Plan it", status: "completed", endedAt: start + 22, inputTokens: 50 })],
    [21, message("m2")],
  ];

  test("says of the session only what nobody has said, and adds its rows", async () => {
    const row = await sameInEveryOrder([planning, goingOn]);
    expect(row).toMatchObject({
      ...{ agentType: "planning", model: "m", title: "Plan it", status: "completed", inputTokens: 50 },
      ...{ startedAt: start + 10, endedAt: start + 22, updatedAt: start + 22, messageCount: 2 },
      metadata: { step: 1 },
    });
  });

  test("does not end a session that goes on", async () => {
    const ended: Life = [[10, said({ status: "error", endedAt: start + 10, errorMessage: "killed" })]];
    const row = await drainedLate(ended, [
      [20, said({ status: "running", endedAt: null, errorMessage: null })],
      [21, message("m2")],
    ]);
    expect(row).toMatchObject({ status: "running", endedAt: null, errorMessage: null, messageCount: 1 });
  });

  test("says what it noted after the others, also where it began before them", async () => {
    const row = await sameInEveryOrder([
      [
        [5, said({ status: "running", title: "Plan" })],
        [20, said({ status: "completed", endedAt: start + 20 })],
      ],
      [
        [10, said({ model: "m" })],
        [11, message("m1")],
      ],
    ]);
    expect(row).toMatchObject({ title: "Plan", model: "m", status: "completed", endedAt: start + 20 });
    expect(row).toMatchObject({ startedAt: start + 5, updatedAt: start + 20 });
  });

  test("counts its rows once, whoever came first", async () => {
    const call = (id: string, inputTokens: number): Happening => {
      return {
        kind: "modelCall",
        id,
        sessionId: "s",
        model: "m",
        inputTokens,
        startedAt: start + inputTokens,
      };
    };
    const tool = (id: string): Happening => ({ kind: "toolExecution", id, sessionId: "s", toolName: "t" });
    const row = await sameInEveryOrder([
      [
        [10, said({ inputTokens: 1 })],
        [11, call("c1", 5)],
        [12, tool("t1")],
      ],
      [
        [20, call("c2", 7)],
        [21, call("c1", 5)],
        [22, said({ inputTokens: 2 })],
      ],
    ]);
    expect(row).toMatchObject({ inputTokens: 12, toolCount: 1, startedAt: start + 5 });
  });

  test("that is the newer one says what is so", async () => {
    const row = await drainedLate(goingOn, planning);
    expect(row).toMatchObject({ title: "Plan it", status: "completed" });
  });
});
