import type { Engine } from "../engine/engine.ts";
import {
  boolean,
  bytes,
  type Collection,
  id,
  integer,
  json,
  type Millis,
  optional,
  payload,
  real,
  text,
  time,
} from "../model/collection.ts";
import type { Schema } from "../model/schema.ts";

/** A row with every kind of field. */
export interface Thing {
  readonly id: string;
  readonly shelf: string;
  readonly place: number;
  readonly name: string;
  readonly note: string | null;
  readonly count: number;
  readonly least: number | null;
  readonly weight: number;
  readonly done: boolean;
  readonly madeAt: Millis;
  readonly goneAt: Millis | null;
  readonly labels: unknown;
  readonly body: unknown;
  readonly blob: Uint8Array | null;
}

export const things: Collection<Thing> = {
  name: "suite_things",
  key: "id",
  fields: {
    id,
    shelf: id,
    place: integer,
    name: text,
    note: optional(text),
    count: integer,
    least: optional(integer),
    weight: real,
    done: boolean,
    madeAt: time,
    goneAt: optional(time),
    labels: json,
    body: payload,
    blob: optional(bytes),
  },
  unique: [["shelf", "place"]],
  indexes: [["madeAt", "id"], ["name"]],
};

/** What takers take. */
export interface Job {
  readonly id: string;
  readonly state: string;
  readonly priority: number;
  readonly runAt: Millis;
  readonly by: string | null;
  readonly attempts: number;
}

export const jobs: Collection<Job> = {
  name: "suite_jobs",
  key: "id",
  fields: { id, state: text, priority: integer, runAt: time, by: optional(text), attempts: integer },
  unique: [],
  indexes: [["state", "priority", "runAt"]],
};

export const suiteSchema: Schema = {
  table: "suite_schema_version",
  migrations: [{ version: 1, summary: "things and jobs", create: [things, jobs] }],
};

/** A thing with these fields, and plain ones else. Its place follows from its id, so that ids alone keep them apart. */
export function thing(given: Partial<Thing> & Pick<Thing, "id">): Thing {
  return {
    shelf: `shelf of ${given.id}`,
    place: 1,
    name: "thing",
    note: null,
    count: 0,
    least: null,
    weight: 0,
    done: false,
    madeAt: 1_700_000_000_000,
    goneAt: null,
    labels: null,
    body: null,
    blob: null,
    ...given,
  };
}

export function job(given: Partial<Job> & Pick<Job, "id">): Job {
  return { state: "ready", priority: 0, runAt: 1_700_000_000_000, by: null, attempts: 0, ...given };
}

/** Takes until no job is ready; answers what it took. */
export async function takeAll(engine: Engine, by: string): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const taken = await engine.take(
      jobs,
      { where: { state: "ready" }, orderBy: [["priority", "down"]], limit: 3 },
      { state: "taken", by, attempts: { add: 1 } },
    );
    ids.push(...taken.map(({ id }) => id));
    if (taken.length > 0) continue;
    // Others may hold the last rows and still let go of them: only a look without locks tells that none is left.
    const left = await engine.find(jobs, { where: { state: "ready" }, limit: 1 });
    if (left.length === 0) return ids;
  }
}
