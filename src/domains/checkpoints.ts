import { type Engine, insert, remove, update, type Where } from "../engine/engine.ts";
import { LociError } from "../errors.ts";
import { type Checkpoint, checkpoints } from "../model/checkpoint.ts";
import type { Millis } from "../model/collection.ts";
import { newId } from "../model/id.ts";
import { needed, onlyOne } from "./chain.ts";
import { diffJson, type JsonChange } from "./checkpoint-diff.ts";
import { fromCursor, pageSize, toCursor } from "./cursor.ts";
import type { Page } from "./sessions.ts";

export interface CheckpointGiven {
  /** Any JSON value. */
  readonly data: unknown;
  /** `checkpoint` when left out. */
  readonly type?: string | undefined;
  readonly sessionId?: string | null | undefined;
  readonly projectId?: string | null | undefined;
  readonly parentId?: string | null | undefined;
}

/** A checkpoint without its data, which may be large. */
export type CheckpointItem = Omit<Checkpoint, "data">;

export interface CheckpointFilter {
  readonly sessionId?: string | undefined;
  readonly projectId?: string | undefined;
  readonly type?: string | undefined;
}

export interface CheckpointQuery extends CheckpointFilter {
  /** 1 to 1,000; 10 when left out. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

export interface Checkpoints {
  /** Errors: `not-found` for a parent that is not there. */
  save(given: CheckpointGiven): Promise<Checkpoint>;
  /** All or none; a parent stands in the store already. Of one batch the last is the newest. */
  saveBatch(given: readonly CheckpointGiven[]): Promise<Checkpoint[]>;
  /** The newest of a session, a project or a type; of two of the same moment, the one saved later. */
  latest(filter: CheckpointFilter): Promise<Checkpoint | null>;
  /** Without their data, newest first. */
  list(query?: CheckpointQuery): Promise<Page<CheckpointItem>>;
  get(id: string): Promise<Checkpoint | null>;
  /** The checkpoint with this id, or the only one whose id begins with it. Errors: `not-found`. */
  resolve(idOrPrefix: string): Promise<Checkpoint>;
  /** What one has to be changed in to become the other. Errors: `not-found`. */
  diff(before: string, after: string): Promise<JsonChange[]>;
  /** A new checkpoint that goes on from this one, with its data unless others are given. Errors: `not-found`. */
  fork(id: string, given?: Partial<CheckpointGiven>): Promise<Checkpoint>;
  /** Takes one away; its forks become forks of what it was forked from. Errors: `not-found`. */
  remove(id: string): Promise<void>;
}

const itemFields = ["id", "sessionId", "type", "createdAt", "projectId", "parentId"] as const;

export function createCheckpoints(engine: Engine, { now }: { readonly now: () => Millis }): Checkpoints {
  const get = (id: string): Promise<Checkpoint | null> => getCheckpoint(engine, id);
  const saveBatch = async (given: readonly CheckpointGiven[]): Promise<Checkpoint[]> => {
    const at = now();
    const rows = given.map((one) => checkpointRow(one, at));
    await requireParents(engine, rows);
    if (rows.length > 0) await engine.write([insert(checkpoints, rows)]);
    return rows;
  };
  const write = async (given: CheckpointGiven): Promise<Checkpoint> => {
    const row = checkpointRow(given, now());
    await engine.write([insert(checkpoints, [row])]);
    return row;
  };
  const save: Checkpoints["save"] = async (given) => {
    await requireParents(engine, [given]);
    return write(given);
  };
  return {
    get,
    save,
    saveBatch,
    list: (query = {}) => listCheckpoints(engine, query),

    async latest(filter) {
      const where = whereOf(filter);
      return (
        (await engine.find(checkpoints, { where, orderBy: [["createdAt", "down"]], limit: 1 }))[0] ?? null
      );
    },

    async resolve(idOrPrefix) {
      const exact = await get(idOrPrefix);
      if (exact !== null) return exact;
      const where = { id: { startsWith: idOrPrefix } };
      const found =
        idOrPrefix.length < 4 ? [] : await engine.find(checkpoints, { where, limit: 5, fields: ["id"] });
      const naming = { noun: "checkpoint", where: engine.place, next: "loci ckpt ls" };
      return known(engine, onlyOne(found, idOrPrefix, naming).id);
    },

    async diff(before, after) {
      const [one, other] = await Promise.all([known(engine, before), known(engine, after)]);
      return diffJson(one.data, other.data);
    },

    async fork(id, given = {}) {
      const { type, data, sessionId, projectId } = await known(engine, id);
      return write({ type, data, sessionId, projectId, ...given, parentId: id });
    },

    async remove(id) {
      const { parentId } = await known(engine, id);
      await engine.write([update(checkpoints, { parentId: id }, { parentId }), remove(checkpoints, { id })]);
    },
  };
}

function checkpointRow(given: CheckpointGiven, at: Millis): Checkpoint {
  const { data, type = "checkpoint", sessionId = null, projectId = null, parentId = null } = given;
  if (data === undefined) throw new LociError("invalid", "A checkpoint has data: any JSON value.");
  return { id: newId(at), sessionId, type: needed("type", type), data, createdAt: at, projectId, parentId };
}

async function requireParents(
  engine: Engine,
  given: readonly Pick<CheckpointGiven, "parentId">[],
): Promise<void> {
  const ids = [...new Set(given.flatMap(({ parentId }) => parentId ?? []))];
  if (ids.length === 0) return;
  const found = await engine.find(checkpoints, { where: { id: { anyOf: ids } }, fields: ["id"] });
  const missing = ids.find((id) => !found.some((row) => row.id === id));
  if (missing !== undefined) throw unknown(engine, missing);
}

async function getCheckpoint(engine: Engine, id: string): Promise<Checkpoint | null> {
  return (await engine.find(checkpoints, { where: { id }, limit: 1 }))[0] ?? null;
}

async function known(engine: Engine, id: string): Promise<Checkpoint> {
  const row = await getCheckpoint(engine, id);
  if (row !== null) return row;
  throw unknown(engine, id);
}

function unknown(engine: Engine, id: string): LociError {
  return new LociError("not-found", `No checkpoint has the id ${JSON.stringify(id)}.`, {
    where: engine.place,
    next: "loci ckpt ls",
  });
}

function whereOf({ sessionId, projectId, type }: CheckpointFilter): Where<Checkpoint> {
  return {
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(projectId === undefined ? {} : { projectId }),
    ...(type === undefined ? {} : { type }),
  };
}

async function listCheckpoints(engine: Engine, query: CheckpointQuery): Promise<Page<CheckpointItem>> {
  const limit = pageSize(query.limit ?? 10, 1_000);
  const [createdAt, id] = query.after === undefined ? [] : fromCursor(query.after);
  const items = await engine.find(checkpoints, {
    where: whereOf(query),
    orderBy: [["createdAt", "down"]],
    limit: limit + 1,
    fields: itemFields,
    ...(createdAt === undefined || id === undefined ? {} : { after: { createdAt, id } }),
  });
  const last = items.length > limit ? items[limit - 1] : undefined;
  return {
    items: items.slice(0, limit),
    next: last === undefined ? null : toCursor(last.createdAt, last.id),
  };
}
