import { type Change, type Engine, insert, remove, update } from "../../engine/engine.ts";
import {
  cacheLoads,
  type CacheMark,
  cacheMarks,
  type CachePattern,
  cachePatterns,
  edgeCache,
} from "../../model/cache.ts";
import { newId } from "../../model/id.ts";
import type { Clock } from "../clock.ts";
import { agree, everything, keyMark, type Marks, marksOf, type Seen, type Tier } from "./tier.ts";

/** So many changes are read at once; behind more than that, everything in memory is forgotten. */
const mostChanges = 1_000;

/** The shared tier on an engine: a file that processes share, or a database. */
export function createStoreTier(engine: Engine, now: Clock): Tier {
  return { now, ...values(engine), ...claims(engine, now), ...shared(engine, now) };
}

function values(engine: Engine): Pick<Tier, "read" | "put" | "remove"> {
  const current = async (names: readonly string[]): Promise<Marks> =>
    versionsOf(await engine.find(cacheMarks, { where: { name: { anyOf: [...new Set(names)] } } }));
  return {
    async read(id, tags) {
      const asked = [everything, keyMark(id), ...tags];
      const [rows, marks] = await Promise.all([
        engine.find(edgeCache, { where: { id }, limit: 1 }),
        current(asked),
      ]);
      const [row] = rows;
      if (row === undefined) return { entry: null, valid: false, marks };
      // A mark of the key or of everything that it was put without is a newer one: it was loaded before.
      const mine = { [everything]: 0, [keyMark(id)]: 0, ...marksOf(row.tags) };
      const missing = Object.keys(mine).filter((name) => !asked.includes(name));
      const all = missing.length === 0 ? marks : { ...marks, ...(await current(missing)) };
      return { entry: row, valid: agree(mine, all), marks };
    },

    async put(entry, over, claim) {
      // Reads are added to, by all processes.
      const { id, accessCount: _, ...patch } = entry;
      const changes: Change[] = [];
      if (over !== null) {
        changes.push(update(edgeCache, { id, ...(over === undefined ? {} : { version: over }) }, patch));
      }
      if (over === null || over === undefined) changes.push(insert(edgeCache, [entry]));
      if (claim) changes.push(remove(cacheLoads, { id: claim.id, owner: claim.owner }));
      const counts = await engine.write(changes);
      return counts.slice(0, claim ? -1 : undefined).some((count) => count > 0);
    },

    async remove(ids) {
      const [removed] = await engine.write([remove(edgeCache, { id: { anyOf: ids } })]);
      return removed ?? 0;
    },
  };
}

function claims(engine: Engine, now: Clock): Pick<Tier, "claim" | "renew" | "release" | "loading"> {
  return {
    async claim(id, lease) {
      const at = await now();
      const owner = newId(at);
      const expiresAt = at + lease;
      const [made] = await engine.write([insert(cacheLoads, [{ id, owner, expiresAt }])]);
      if (made === 1) return { id, owner };
      // Its loader died.
      const where = { id, expiresAt: { upTo: at } };
      const [taken] = await engine.take(cacheLoads, { where, limit: 1 }, { owner, expiresAt });
      return taken === undefined ? null : { id, owner };
    },

    async renew({ id, owner }, lease) {
      const patch = { expiresAt: (await now()) + lease };
      const [renewed] = await engine.write([update(cacheLoads, { id, owner }, patch)]);
      return renewed === 1;
    },

    async release({ id, owner }) {
      await engine.write([remove(cacheLoads, { id, owner })]);
    },

    async loading(id) {
      const [[row], at] = await Promise.all([engine.find(cacheLoads, { where: { id }, limit: 1 }), now()]);
      if (row === undefined) return "none";
      return row.expiresAt > at ? "live" : "dead";
    },
  };
}

function shared(engine: Engine, now: Clock): Pick<Tier, "changes" | "mark" | "pattern" | "tell"> {
  return {
    async changes(since) {
      const [entries, marks] = await Promise.all([
        engine.find(edgeCache, {
          where: { updatedAt: { from: since } },
          orderBy: [["updatedAt", "down"]],
          fields: ["id", "version"],
          limit: mostChanges,
        }),
        engine.find(cacheMarks, {
          where: { changedAt: { from: since } },
          orderBy: [["changedAt", "down"]],
          limit: mostChanges,
        }),
      ]);
      const more = entries.length === mostChanges || marks.length === mostChanges;
      return { entries, marks: versionsOf(marks), more };
    },

    async mark(names) {
      const changedAt = await now();
      const distinct = [...new Set(names)].toSorted();
      const rows = distinct.map((name) => ({ name, version: 0, changedAt }));
      await engine.write([
        insert(cacheMarks, rows),
        update(cacheMarks, { name: { anyOf: distinct } }, { version: { add: 1 }, changedAt }),
      ]);
    },

    async pattern(pattern) {
      const [row] = await engine.find(cachePatterns, { where: { pattern }, limit: 1 });
      return { changes: row?.changes ?? 0, exposure: row?.exposure ?? 0 };
    },

    async tell(reads, seen) {
      const at = await now();
      const empty = seen.map(({ pattern }) => emptyPattern(pattern, at));
      const changes: Change[] = [
        ...reads.map(({ id, count, last }) =>
          update(edgeCache, { id }, { accessCount: { add: count }, lastAccessed: last }),
        ),
        ...(empty.length > 0 ? [insert(cachePatterns, empty)] : []),
        ...seen.map((one) => toldOf(one, at)),
      ];
      if (changes.length > 0) await engine.write(changes);
    },
  };
}

function versionsOf(rows: readonly CacheMark[]): Marks {
  return Object.fromEntries(rows.map(({ name, version }) => [name, version]));
}

function emptyPattern(pattern: string, updatedAt: number): CachePattern {
  return { pattern, hits: 0, misses: 0, loads: 0, loadMs: 0, changes: 0, exposure: 0, updatedAt };
}

function toldOf(
  { pattern, hits, misses, loads, loadMs, changes, exposure }: Seen,
  updatedAt: number,
): Change {
  const patch = {
    hits: { add: hits },
    misses: { add: misses },
    loads: { add: loads },
    loadMs: { add: loadMs },
    changes: { add: changes },
    exposure: { add: exposure },
    updatedAt,
  };
  return update(cachePatterns, { pattern }, patch);
}
