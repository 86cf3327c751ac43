import type { Engine } from "../../engine/engine.ts";
import type { AgentStatus } from "../../model/agent.ts";
import type { Millis } from "../../model/collection.ts";
import type { Task } from "../../model/task.ts";
import type { Clock } from "../clock.ts";
import { createSwarm } from "../swarm.ts";
import type { ClaimOptions } from "./claim.ts";
import { Loop } from "./loop.ts";
import type { Tasks } from "./tasks.ts";

/** What the function that does the work is given beside its task. */
export interface Work {
  /** Fires when the task was cancelled, when its lease is somebody else's, and when its `timeout` is over. */
  readonly signal: AbortSignal;
  /** From 0 to 1, with a word on it. */
  readonly progress: (progress: number, note?: string) => Promise<void>;
}

/**
 * Its answer is the task's result. What it throws fails the task, which is tried again while it has attempts left; an
 * error whose `retry` is false makes it dead at once.
 */
export type Worker = (task: Task, work: Work) => unknown;

export interface WorkOptions extends Omit<ClaimOptions, "limit"> {
  /** How many tasks at a time. Default 1. */
  readonly concurrency?: number | undefined;
  /** Closes the loop when it fires: nothing new is claimed, what is under way comes to its end. */
  readonly signal?: AbortSignal | undefined;
  /** How often the agent says that it is there. Default 10 s. */
  readonly heartbeat?: Millis | undefined;
  /** Hears what went wrong beside the work: the store was away, a lease was lost. The loop goes on. */
  readonly onError?: ((error: unknown, task?: Task) => void) | undefined;
}

export interface WorkLoop extends AsyncDisposable {
  /** Claims nothing more, waits for what is under way, and says that the agent is gone. Twice is fine. */
  readonly close: () => Promise<void>;
  /** Ends when the loop is closed and everything is done. */
  readonly done: Promise<void>;
  readonly counts: () => WorkCounts;
}

export interface WorkCounts {
  readonly claimed: number;
  readonly completed: number;
  readonly failed: number;
  /** Cancelled, or somebody else's before it was done. */
  readonly lost: number;
  /** Given back before it was begun. */
  readonly released: number;
}

export interface WorkParts {
  readonly engine: Engine;
  readonly now: Clock;
  readonly random: () => number;
  readonly tasks: Pick<Tasks, "claim" | "completeAll" | "fail" | "get" | "progress" | "release" | "renew">;
}

/** The loop of one agent. It is a member of its swarm from its first moment on, and says every now and then that it is there. */
export function startWork(parts: WorkParts, options: WorkOptions, worker: Worker): WorkLoop {
  const { engine, now, random } = parts;
  const { agent, swarm = "default", region, capabilities, signal, heartbeat = 10_000, onError } = options;
  const loop = new Loop(parts, options, worker);
  const member = createSwarm(engine, swarm, { now });
  const report = (error: unknown): void => onError?.(error);
  const registered = member.register({ agent, region, capabilities }).catch(report);
  const say = (status: AgentStatus): Promise<void> =>
    registered.then(() => member.heartbeat(agent, { status })).catch(report);
  // Not all at the same time: agents that began together would write together for ever.
  const beats = setInterval(
    () => say(loop.isBusy() ? "working" : "idle"),
    heartbeat * (0.8 + random() * 0.4),
  );
  beats.unref();

  let end: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    end = resolve;
  });
  let closed: Promise<void> | undefined;
  const finish = async (): Promise<void> => {
    await loop.close();
    clearInterval(beats);
    signal?.removeEventListener("abort", close);
    await say("offline");
    end();
  };
  const close = (): Promise<void> => (closed ??= finish());
  signal?.addEventListener("abort", close);
  if (signal?.aborted) void close();
  else loop.start();
  return { close, done, counts: () => ({ ...loop.counts }), [Symbol.asyncDispose]: close };
}
