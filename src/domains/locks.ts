import { type Engine, insert, update, type Wake } from "../engine/engine.ts";
import { errorCode, LociError } from "../errors.ts";
import type { Millis } from "../model/collection.ts";
import { type Lock, locks } from "../model/lock.ts";
import { type Clock, leaseEnd } from "./clock.ts";

export type { Lock };

/** What an owner shows. */
export type LockLease = Pick<Lock, "name" | "fence">;

export interface LockOptions {
  readonly owner: string;
  /** How long it is the owner's without a renewal. Default 30 s. */
  readonly lease?: Millis;
}

/** One that wants to lead, and renews in time while it does. */
export interface Candidate extends AsyncDisposable {
  /** Its fence while it leads, by the store's clock; null while it does not. */
  readonly fence: () => number | null;
  /** Steps down, and wants no more. */
  readonly close: () => Promise<void>;
}

export interface Locks {
  /** Null: somebody else has it. Not for the same owner twice: what it holds it renews. */
  readonly acquire: (name: string, options: LockOptions) => Promise<Lock | null>;
  readonly renew: (lease: LockLease, options?: { readonly lease?: Millis }) => Promise<Lock>;
  /** False: it was not held with this fence any more. */
  readonly release: (lease: LockLease) => Promise<boolean>;
  /** Gives it to another in one step: nobody gets in between. It has the next fence. Errors: `lease-lost`. */
  readonly transfer: (lease: LockLease, options: LockOptions) => Promise<Lock>;
  readonly get: (name: string) => Promise<Lock | null>;
  /** Asks for the lock when somebody lets go of one and each third of a lease, and renews it as often once it has it. */
  readonly lead: (name: string, options: LockOptions) => Promise<Candidate>;
}

export interface LockParts {
  readonly now: Clock;
  /** Ms by a clock that nobody sets: a leader stops believing before the store does. */
  readonly elapsed?: () => Millis;
}

export function createLocks(engine: Engine, { now, elapsed = () => performance.now() }: LockParts): Locks {
  const get = async (name: string): Promise<Lock | null> =>
    (await engine.find(locks, { where: { name }, limit: 1 }))[0] ?? null;

  const acquire: Locks["acquire"] = async (name, { owner, lease = 30_000 }) => {
    const at = await now();
    const take = (): Promise<Lock[]> =>
      engine.take(
        locks,
        { where: { name, expiresAt: { upTo: at } }, limit: 1 },
        { owner, fence: { add: 1 }, acquiredAt: at, expiresAt: leaseEnd(at, lease) },
      );
    const [free] = await take();
    if (free) return free;
    if ((await get(name)) !== null) return null;
    await engine.write([insert(locks, [{ name, owner: null, fence: 0, acquiredAt: 0, expiresAt: 0 }])]);
    return (await take())[0] ?? null;
  };

  const transfer: Locks["transfer"] = async ({ name, fence }, { owner, lease = 30_000 }) => {
    const at = await now();
    const where = { name, fence, owner: { not: null }, expiresAt: { above: at } };
    const patch = { owner, fence: { add: 1 }, acquiredAt: at, expiresAt: leaseEnd(at, lease) };
    const [given] = await engine.take(locks, { where, limit: 1 }, patch);
    return given ?? lost({ name, fence }, await get(name));
  };

  const renew: Locks["renew"] = async ({ name, fence }, { lease = 30_000 } = {}) => {
    const at = await now();
    const where = { name, fence, owner: { not: null }, expiresAt: { above: at } };
    const [touched] = await engine.write([update(locks, where, { expiresAt: leaseEnd(at, lease) })]);
    const row = await get(name);
    if (touched === 1 && row) return row;
    return lost({ name, fence }, row);
  };

  const release: Locks["release"] = async ({ name, fence }) => {
    const where = { name, fence, owner: { not: null } };
    const [touched] = await engine.write([update(locks, where, { owner: null, expiresAt: 0 })]);
    if (touched !== 1) return false;
    engine.wake?.tell(locks);
    return true;
  };

  return {
    get,
    acquire,
    renew,
    release,
    transfer,
    lead: (name, options) => campaign({ acquire, renew, release, elapsed, wake: engine.wake }, name, options),
  };
}

function lost({ name, fence }: LockLease, row: Lock | null): never {
  const why =
    row === null
      ? "there is no such lock"
      : row.fence === fence
        ? "its lease ended"
        : `${row.owner ?? "nobody"} has it with fence ${row.fence}`;
  throw new LociError("lease-lost", `The lock ${name} is not yours with fence ${fence}: ${why}.`, {
    next: "Stop what it protects, then acquire it again.",
  });
}

interface CampaignParts extends Pick<Locks, "acquire" | "renew" | "release"> {
  readonly elapsed: () => Millis;
  readonly wake: Wake | undefined;
}

async function campaign(
  { acquire, renew, release, elapsed, wake }: CampaignParts,
  name: string,
  { owner, lease = 30_000 }: LockOptions,
): Promise<Candidate> {
  let held: { readonly lock: Lock; readonly until: number } | null = null;
  let closed = false;
  // By a clock that nobody sets, and from before the store was asked: we stop believing before the store does.
  const keep = (lock: Lock | null, asked: number): void => {
    held = lock && { lock, until: asked + lease };
  };
  const step = async (): Promise<void> => {
    const asked = elapsed();
    try {
      keep(held ? await renew(held.lock, { lease }) : await acquire(name, { owner, lease }), asked);
    } catch (error) {
      // Where the store is away, the fence ends with the lease, and the next turn asks again.
      if (errorCode(error) === "lease-lost") held = null;
    }
  };
  await step();
  let turn = Promise.resolve();
  const next = (): void => {
    turn = turn.then(() => (closed ? undefined : step()));
  };
  const timer = setInterval(next, lease / 3);
  timer.unref();
  // Somebody let go of a lock.
  const unlisten = wake?.listen(locks, () => {
    if (held === null) next();
  });
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    clearInterval(timer);
    unlisten?.();
    await turn;
    const last = held;
    held = null;
    if (last) await release(last.lock);
  };
  return {
    fence: () => (held !== null && elapsed() < held.until ? held.lock.fence : null),
    close,
    [Symbol.asyncDispose]: close,
  };
}
