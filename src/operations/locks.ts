import type { Lock } from "../model/lock.ts";
import { isoTime, type Operation, operation } from "./operation.ts";

export interface AcquiredLock {
  readonly acquired: boolean;
  readonly owner: string | null;
  /** Of the lock that was acquired; null where somebody else has it. */
  readonly fence: number | null;
  readonly until: string | null;
}

export interface ReleasedLock {
  /** False: it was not held with this fence any more. */
  readonly released: boolean;
}

const name = { kind: "string", required: true, summary: "the lock" } as const;

export const acquireLock: Operation = operation({
  name: "lock acquire",
  summary: "take a named lock, unless somebody has it",
  access: "write",
  params: {
    name,
    owner: { kind: "string", required: true, summary: "who takes it" },
    lease: { kind: "integer", default: 300, min: 1, max: 86_400, summary: "seconds" },
  },
  async run(loci, { name: lock, owner, lease }): Promise<AcquiredLock> {
    const mine = await loci.locks.acquire(lock, { owner, lease: lease * 1000 });
    return mine === null
      ? heldBy(await loci.locks.get(lock))
      : { ...heldBy(mine), acquired: true, fence: mine.fence };
  },
});

function heldBy(lock: Lock | null): AcquiredLock {
  return {
    acquired: false,
    owner: lock?.owner ?? null,
    fence: null,
    until: lock === null ? null : isoTime(lock.expiresAt),
  };
}

export const releaseLock: Operation = operation({
  name: "lock release",
  summary: "give a lock back",
  access: "write",
  params: { name, fence: { kind: "integer", required: true, summary: "the number it was acquired with" } },
  async run(loci, { name: lock, fence }): Promise<ReleasedLock> {
    return { released: await loci.locks.release({ name: lock, fence }) };
  },
});
