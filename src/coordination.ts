import { type CacheOptions, createCache } from "./domains/cache/cache.ts";
import { createClock, createTick } from "./domains/clock.ts";
import { createEdge, type OwnRegions } from "./domains/edge/edge.ts";
import { createLocks } from "./domains/locks.ts";
import { createMailbox } from "./domains/mailbox.ts";
import { createMetrics } from "./domains/metrics.ts";
import { createSwarm } from "./domains/swarm.ts";
import { createAssignment } from "./domains/tasks/assign.ts";
import { createTasks } from "./domains/tasks/tasks.ts";
import type { Engine } from "./engine/engine.ts";
import type { Loci } from "./open.ts";

/** What many agents share, all by the store's clock. */
export function createCoordination(
  engine: Engine,
  {
    region,
    cache = {},
    routing,
  }: {
    readonly region: string;
    readonly cache: Partial<CacheOptions> | undefined;
    readonly routing: OwnRegions | undefined;
  },
): Pick<Loci, "swarm" | "tasks" | "locks" | "mailbox" | "metrics" | "cache" | "edge"> {
  const elapsed = (): number => performance.now();
  const now = createClock(engine, { now: Date.now, elapsed });
  const after = (wait: number, run: () => void): (() => void) => {
    const timer = setTimeout(run, wait);
    timer.unref();
    return () => clearTimeout(timer);
  };
  const edge = createEdge(engine, { now, from: region, elapsed, after, routing });
  return {
    swarm: (id, limits = {}) => createSwarm(engine, id, { now, limits }),
    tasks: createAssignment(engine, { now, tasks: createTasks(engine, { now }), regions: edge.list }),
    locks: createLocks(engine, { now, elapsed }),
    mailbox: createMailbox(engine, { now }),
    edge,
    cache: createCache(engine, {
      now,
      wall: Date.now,
      elapsed,
      tick: createTick(elapsed),
      random: Math.random,
      options: cache,
    }),
    metrics: createMetrics(engine, { now }),
  };
}
