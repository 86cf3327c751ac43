import { createEdgeRouter, type Probed } from "./domains/edge/clients.ts";
import type { OwnRegions } from "./domains/edge/edge.ts";
import { timeoutOf } from "./domains/edge/estimate.ts";
import { createRouter, type Timing } from "./domains/edge/router.ts";
import type { Engine } from "./engine/engine.ts";
import type { CreateRemoteOptions } from "./engines/remote/remote.ts";
import { LociError } from "./errors.ts";
import type { Millis } from "./model/collection.ts";
import type { EdgeReplica } from "./model/edge.ts";
import type { Schema } from "./model/schema.ts";
import type { Replica } from "./place.ts";

export interface Replicated {
  readonly engine: Engine;
  readonly primary: Engine;
  readonly routing: OwnRegions;
}

export interface ReplicatedOptions {
  readonly url: string;
  /** One with the primary's own URL gives its region a name. */
  readonly replicas: readonly Replica[];
  /** Where we are. */
  readonly from: string;
  /** How far behind the primary an answer may be. Default 5 s. */
  readonly within?: Millis | undefined;
  readonly remote: CreateRemoteOptions;
}

/** A write that a dead server took may never be answered: the caller is told after this. */
const writeTimeout = 10_000;
/** A store is opened without its primary after this, where its replicas have what is needed. */
const openTimeout = 3_000;
/** The next one is asked long before; this only ends the question. */
const readTimeout = 5_000;

/** Reads come from the nearest server that is healthy and fresh, and know of all that was written or read here before. */
export async function openReplicated(options: ReplicatedOptions): Promise<Replicated> {
  const { createRemoteEngine, createReplicatedEngine, createLatePrimary, createFreshness } = await parts();
  const { url, from, within = 5_000, remote } = options;
  const regions = regionsOf(options);
  const router = createRouter({ ...timing, from });
  const fresh = createFreshness(timing.elapsed);
  const routing: OwnRegions = { router, regions, onSeen: () => undefined };
  const home = regions.find(({ primary }) => primary)?.region ?? "";
  const isPrimaryLost = (): boolean => router.estimate(home).failures > 0;
  const { answerTimeout = writeTimeout } = remote;
  const straight = createRemoteEngine(url, { ...remote, answerTimeout, position: fresh.primary });
  const primary = createLatePrimary(straight, {
    isReadable: (schema) => read((engine) => isPrepared(engine, schema)).catch(() => false),
    patience: openTimeout,
    after: timing.after,
    lost: (error) => router.failed(home, error),
  });
  const open = ({ edgeRegion, url: there }: EdgeReplica): Engine => {
    const position = fresh.replica(edgeRegion, {
      // While the primary does not answer, it takes no writes either: what replicas have is all there is.
      bound: () => (isPrimaryLost() ? undefined : within),
      behind: (staleness) => router.know(edgeRegion, { staleness }),
    });
    return createRemoteEngine(there ?? url, {
      ...remote,
      answerTimeout: readTimeout,
      triesAgain: 0,
      position,
    });
  };
  const rows = regions.map(rowOf);
  const noted = (): void => routing.onSeen();
  const clients = createEdgeRouter<Engine>(
    { router, timing, replicas: async () => rows, noted },
    {
      connect: (replica) => (replica.isPrimary ? primary : open(replica)),
      close: (engine) => (engine === primary ? undefined : engine.close()),
      probe: createProbe(primary, () => knowPrimary()),
    },
  );
  const knowPrimary = createKnowing({
    age: fresh.age,
    within,
    isLost: isPrimaryLost,
    ask: () => clients.probe(home),
    patience: () => timeoutOf(router.estimate(home)),
    late: () => router.failed(home, "It did not answer in time."),
  });
  const read = async <Result>(work: (engine: Engine) => Promise<Result>): Promise<Result> => {
    if (!fresh.tells()) return work(primary);
    return clients.read(async (engine) => {
      if (engine !== primary) await knowPrimary();
      return work(engine);
    });
  };
  return {
    engine: createReplicatedEngine(primary, { read, close: clients.close }),
    primary,
    routing,
  };
}

/** What only a store with replicas needs. */
async function parts() {
  return {
    ...(await import("./engines/remote/remote.ts")),
    ...(await import("./engines/remote/replicated.ts")),
    ...(await import("./engines/remote/late-primary.ts")),
    ...(await import("./engines/remote/freshness.ts")),
  };
}

/** Whether the tables of the latest step can be read. */
async function isPrepared(engine: Engine, { migrations }: Schema): Promise<boolean> {
  const { create = [], add = [] } = migrations.at(-1) ?? {};
  for (const collection of [...create, ...add.map(({ to }) => to)]) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- here the generics end: any collection's rows
    await engine.find(collection as never, { limit: 1 });
  }
  return true;
}

function createProbe(primary: Engine, knowPrimary: () => Promise<void>): (engine: Engine) => Promise<Probed> {
  const asked = new WeakSet<Engine>();
  return async (engine) => {
    if (engine !== primary) await knowPrimary();
    // The first question opens the connection and the database: it says nothing of the way.
    if (!asked.has(engine)) await engine.now?.();
    asked.add(engine);
    const began = timing.elapsed();
    await engine.now?.();
    return { latency: timing.elapsed() - began, ...(engine === primary && { staleness: 0 }) };
  };
}

const timing: Timing = {
  elapsed: () => performance.now(),
  after(wait, run) {
    const timer = setTimeout(run, wait);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/**
 * An answer's age is told by how far the primary was: it is asked beside the reads, and waited for only where nothing
 * was heard of it for longer than an answer may be old.
 */
function createKnowing({
  age,
  within,
  isLost,
  ask,
  patience,
  late,
}: {
  readonly age: () => Millis;
  readonly within: Millis;
  readonly isLost: () => boolean;
  readonly ask: () => Promise<void>;
  readonly patience: () => Millis;
  readonly late: () => void;
}): () => Promise<void> {
  let asking: Promise<void> | undefined;
  return async () => {
    if (age() < within / 2 || isLost()) return;
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    if (age() < within) return;
    let callOff = (): void => undefined;
    const tooLate = new Promise<void>((resolve) => {
      callOff = timing.after(patience(), () => {
        late();
        resolve();
      });
    });
    await Promise.race([asking, tooLate]);
    callOff();
  };
}

function regionsOf({ url, replicas }: ReplicatedOptions): OwnRegions["regions"] {
  const isPrimary = (there: string): boolean => new URL(there).host === new URL(url).host;
  const named = replicas.map(({ region, url: there }) => ({ region, url: there, primary: isPrimary(there) }));
  const names = new Set(named.map(({ region }) => region));
  if (names.size < named.length) {
    throw new LociError("config", "Two replicas are in a region of the same name.", {
      next: "Give each a name of its own: fra-1, fra-2",
    });
  }
  return named.some(({ primary }) => primary) ? named : [...named, { region: "primary", url, primary: true }];
}

function rowOf({ region, url, primary }: OwnRegions["regions"][number]): EdgeReplica {
  return {
    edgeRegion: region,
    url,
    isPrimary: primary,
    latencyMs: null,
    healthy: true,
    stalenessMs: primary ? 0 : null,
    probedAt: null,
    registeredAt: 0,
  };
}
