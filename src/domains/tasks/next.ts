import type { Engine } from "../../engine/engine.ts";
import type { Millis } from "../../model/collection.ts";
import { type Task, tasks } from "../../model/task.ts";
import type { Clock } from "../clock.ts";
import { createWaiting, type Waiting } from "../wait.ts";
import type { ClaimOptions } from "./claim.ts";

export interface NextOptions extends Omit<ClaimOptions, "limit"> {
  /** Answers null after that long. Default 30 s. */
  readonly timeout?: Millis | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface NextParts {
  readonly engine: Engine;
  readonly now: Clock;
  readonly random: () => number;
  readonly claim: (options: ClaimOptions) => Promise<Task[]>;
}

/** Claims one task; where there is none, waits for it without asking all the time. */
export async function nextTask(
  { engine, now, random, claim }: NextParts,
  { timeout = 30_000, signal, ...options }: NextOptions,
): Promise<Task | null> {
  const until = performance.now() + timeout;
  const waiting = createWaiting(engine, tasks, random);
  try {
    for (;;) {
      waiting.look();
      const [task] = await claim({ ...options, limit: 1 });
      if (task) return task;
      const left = until - performance.now();
      if (left <= 0 || signal?.aborted) return null;
      await pauseForTask(engine, { waiting, now, most: left, ...(signal && { signal }) });
    }
  } finally {
    waiting.end();
  }
}

/** Nobody tells when a wait before a retry is over, or a lease: the earliest such moment is looked up before. */
export async function pauseForTask(
  engine: Engine,
  {
    waiting,
    now,
    most = Number.POSITIVE_INFINITY,
    signal,
  }: {
    readonly waiting: Waiting;
    readonly now: Clock;
    readonly most?: Millis;
    readonly signal?: AbortSignal;
  },
): Promise<void> {
  const at = await now();
  const [ready, running] = await Promise.all(
    (["ready", "running"] as const).map((status) =>
      engine.find(tasks, {
        where: { status, dueAt: { above: at } },
        orderBy: [["dueAt", "up"]],
        limit: 1,
        fields: ["dueAt"],
      }),
    ),
  );
  const due = [...(ready ?? []), ...(running ?? [])].map(({ dueAt }) => dueAt - at);
  await waiting.pause({ most: Math.min(most, ...due), ...(signal && { signal }) });
}
