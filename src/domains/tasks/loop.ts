import { errorCode, LociError } from "../../errors.ts";
import { type Task, taskAssignments, tasks as collection } from "../../model/task.ts";
import { createWaiting, type Waiting } from "../wait.ts";
import type { ClaimOptions } from "./claim.ts";
import { createHandIn, type HandIn, isPassing, longestPause, wasStored } from "./hand-in.ts";
import { createHeld, type Held } from "./hold.ts";
import { pauseForTask } from "./next.ts";
import type { WorkCounts, Worker, WorkOptions, WorkParts } from "./work.ts";

/** So many ms of work are claimed ahead of an agent whose tasks are short: a claim costs as much as several of them. */
const aheadFor = 20;
const aheadAtMost = 32;
/** Done and not stored yet: what was claimed with one write is done while the next one is under way. */
const unsettledAtMost = 3 * aheadAtMost;
/** What was claimed ahead and is not begun within this time is given back, in ms. */
const giveBackAfter = 100;
/** In ms: tasks that take less are handed in together. */
const short = 3;

/**
 * Claims and works. What must stay true: at most `concurrency` tasks are worked on at a time, one claim is under way at a
 * time, and each task that was claimed is completed, failed, lost or given back.
 */
export class Loop {
  readonly counts: { -readonly [Name in keyof WorkCounts]: number } = {
    claimed: 0,
    completed: 0,
    failed: 0,
    lost: 0,
    released: 0,
  };
  readonly #parts: WorkParts;
  readonly #claiming: Omit<ClaimOptions, "limit">;
  readonly #concurrency: number;
  readonly #worker: Worker;
  readonly #report: (error: unknown, task?: Task) => void;
  readonly #held: Held;
  readonly #handIn: HandIn;
  readonly #waiting: Waiting;
  readonly #unlisten: (() => void) | undefined;
  readonly #hoard: NodeJS.Timeout;
  readonly #closing = new AbortController();
  /** Claimed, and not begun. */
  readonly #ahead: Task[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #running = 0;
  #isClaiming = false;
  /** Of one task, in ms: a mean that forgets. Null before the first. */
  #usual: number | null = null;
  #firstAhead: Task | undefined;

  constructor(parts: WorkParts, options: WorkOptions, worker: Worker) {
    const { concurrency = 1, onError, agent, swarm, kinds, capabilities, region, lease = 30_000 } = options;
    if (!(Number.isInteger(concurrency) && concurrency >= 1)) {
      throw new LociError("invalid", `concurrency is a whole number from 1 on, not ${concurrency}.`);
    }
    this.#parts = parts;
    this.#claiming = { agent, swarm, kinds, capabilities, region, lease };
    this.#concurrency = concurrency;
    this.#worker = worker;
    this.#report = (error, task) => onError?.(error, task);
    this.#held = createHeld(parts.tasks, { lease, report: this.#report });
    this.#handIn = createHandIn({
      tasks: parts.tasks,
      claiming: () => this.#claimWithNext(),
      take: (claimed) => {
        this.#isClaiming = false;
        this.#take(claimed);
      },
      claimFailed: () => {
        this.#isClaiming = false;
      },
      isMoreComing: () =>
        this.#usual !== null && this.#usual < short && this.#running + this.#ahead.length > 0,
    });
    this.#waiting = createWaiting(parts.engine, collection, parts.random);
    // Somebody cancelled a task: perhaps one of ours.
    this.#unlisten = parts.engine.wake?.listen(taskAssignments, this.#held.renewNow);
    this.#hoard = setInterval(() => {
      // The same one is still the first: nobody here had the time for it.
      if (this.#firstAhead !== undefined && this.#firstAhead === this.#ahead[0])
        this.#track(this.#giveBack());
      [this.#firstAhead] = this.#ahead;
    }, giveBackAfter);
    this.#hoard.unref();
  }

  start(): void {
    this.#pump();
  }

  isBusy(): boolean {
    return this.#running > 0;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    do {
      await Promise.all(this.#underWay);
      await this.#giveBack();
    } while (this.#underWay.size > 0);
    clearInterval(this.#hoard);
    this.#waiting.end();
    this.#unlisten?.();
    this.#held.close();
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch(this.#report).finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }

  /** How many more it would claim now. */
  #wanted(): number {
    return Math.max(0, this.#concurrency - this.#running + this.#goal() - this.#ahead.length);
  }

  #goal(): number {
    if (this.#usual === null) return 0;
    return Math.min(aheadAtMost, Math.floor((aheadFor * this.#concurrency) / Math.max(this.#usual, 0.1)));
  }

  /** Begins what can be begun, and asks for more where something is free. */
  #pump(): void {
    if (this.#closing.signal.aborted) return;
    while (this.#running < this.#concurrency) {
      const task = this.#ahead.shift();
      if (task === undefined) break;
      this.#running++;
      this.#track(this.#run(task));
    }
    if (this.#running < this.#concurrency && !this.#isClaiming) this.#track(this.#fetch());
  }

  #take(claimed: readonly Task[]): void {
    this.counts.claimed += claimed.length;
    this.#ahead.push(...claimed);
    if (claimed.length > 0) this.#waiting.found();
    this.#pump();
  }

  async #fetch(): Promise<void> {
    const { engine, now, tasks } = this.#parts;
    const { signal } = this.#closing;
    this.#isClaiming = true;
    for (let failures = 0; !signal.aborted && this.#running < this.#concurrency; ) {
      try {
        this.#waiting.look();
        const claimed = await tasks.claim({ ...this.#claiming, limit: this.#wanted() });
        this.#take(claimed);
        failures = 0;
        if (claimed.length === 0) await pauseForTask(engine, { waiting: this.#waiting, now, signal });
      } catch (error) {
        this.#report(error);
        if (errorCode(error) === "closed") this.#closing.abort();
        const most = Math.min(longestPause, 50 * 2 ** failures++);
        await this.#waiting.pause({ most, signal });
      }
    }
    this.#isClaiming = false;
  }

  async #run(task: Task): Promise<void> {
    const hold = this.#held.begin(task);
    const began = performance.now();
    const progress = (share: number, note?: string): Promise<void> =>
      this.#parts.tasks.progress(task, share, note);
    let settle: () => Promise<void>;
    try {
      const result = await this.#worker(task, { signal: hold.signal, progress });
      settle = async () => {
        await this.#handIn(task, result, hold.signal);
        this.counts.completed++;
      };
    } catch (error) {
      settle = () => this.#fail(task, error, hold.signal);
    }
    const took = performance.now() - began;
    this.#usual = this.#usual === null ? took : this.#usual + (took - this.#usual) * 0.3;
    this.#running--;
    // Short tasks do not wait until the last one is settled; but there is an end to that.
    if (this.#ahead.length > 0 && this.#underWay.size < 4 * this.#concurrency + unsettledAtMost) this.#pump();
    try {
      hold.settle();
      if (hold.signal.aborted) this.counts.lost++;
      else await settle();
    } catch (error) {
      if (errorCode(error) === "lease-lost") this.counts.lost++;
      this.#report(error, task);
    } finally {
      hold.end();
      this.#pump();
    }
  }

  /** The next ones come with a write that is under way anyhow, where few are left. */
  #claimWithNext(): ClaimOptions | undefined {
    const limit = this.#wanted();
    const hasEnough = this.#isClaiming || this.#ahead.length > this.#goal() / 2 || limit === 0;
    if (hasEnough || this.#closing.signal.aborted) return undefined;
    this.#isClaiming = true;
    return { ...this.#claiming, limit };
  }

  async #fail(task: Task, error: unknown, signal: AbortSignal): Promise<void> {
    const message = error instanceof Error ? error.message : String(error);
    const retry = Reflect.get(Object(error), "retry") !== false;
    await this.#persist(task, signal, () => this.#parts.tasks.fail(task, message, { retry }));
    this.counts.failed++;
  }

  /** Tries again while the store is away and the lease lasts. */
  async #persist(task: Task, signal: AbortSignal, send: () => Promise<unknown>): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await send();
        return;
      } catch (error) {
        if (tries > 0 && (await wasStored(this.#parts, task, error))) return;
        if (!isPassing(error) || signal.aborted) throw error;
        await new Promise((resolve) => setTimeout(resolve, Math.min(longestPause, 50 * 2 ** tries)));
      }
    }
  }

  async #giveBack(): Promise<void> {
    for (const task of this.#ahead.splice(0)) {
      await this.#parts.tasks.release(task).then(() => this.counts.released++, this.#report);
    }
  }
}
