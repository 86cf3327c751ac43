import { errorCode, LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import type { Task } from "../../model/task.ts";
import type { Tasks } from "./tasks.ts";

/** One task that is being worked on. */
export interface Hold {
  readonly signal: AbortSignal;
  /** Its result is on its way: that says what became of the lease, and a renewal that meets it is no news. */
  readonly settle: () => void;
  readonly end: () => void;
}

/** The tasks that an agent holds: their leases are renewed, and who works on them hears when they are his no longer. */
export interface Held {
  readonly begin: (task: Task) => Hold;
  readonly renewNow: () => void;
  readonly close: () => void;
}

export function createHeld(
  tasks: Pick<Tasks, "renew">,
  { lease, report }: { readonly lease: Millis; readonly report: (error: unknown, task?: Task) => void },
): Held {
  const all = new Map<Task, { readonly controller: AbortController; until: number; isSettling: boolean }>();
  let renewing: Promise<unknown> | undefined;

  const renew = async (task: Task): Promise<void> => {
    const hold = all.get(task);
    if (!hold || hold.controller.signal.aborted) return;
    const asked = performance.now();
    try {
      const { cancelled } = await tasks.renew(task, { lease });
      if (cancelled) hold.controller.abort(new LociError("lease-lost", `${task.id} was cancelled.`));
      else hold.until = asked + lease;
    } catch (error) {
      if (hold.isSettling && errorCode(error) === "lease-lost") return;
      // Where the store is away, the lease may still hold when it is back.
      if (errorCode(error) === "lease-lost" || performance.now() > hold.until) hold.controller.abort(error);
      report(error, task);
    }
  };
  const renewNow = (): void => {
    renewing ??= Promise.all([...all.keys()].map(renew)).finally(() => {
      renewing = undefined;
    });
  };
  const timer = setInterval(renewNow, lease / 3);
  timer.unref();

  return {
    begin(task) {
      const controller = new AbortController();
      const hold = { controller, until: performance.now() + lease, isSettling: false };
      all.set(task, hold);
      const { timeout } = task;
      const late = (): void =>
        controller.abort(new LociError("lease-lost", `${task.id} took longer than its ${timeout} ms.`));
      const limit = timeout === null ? undefined : setTimeout(late, timeout);
      limit?.unref();
      return {
        signal: controller.signal,
        settle() {
          hold.isSettling = true;
        },
        end() {
          clearTimeout(limit);
          all.delete(task);
        },
      };
    },
    renewNow,
    close: () => clearInterval(timer),
  };
}
