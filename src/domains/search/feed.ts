import { type Engine, remove, update } from "../../engine/engine.ts";
import { type PendingSearch, pendingSearch, storeMark } from "../../model/search.ts";
import { type BuiltSegment, createSegmentBuilder, segmentTokens } from "./builder.ts";
import { readPending } from "./source.ts";
import { tierOf } from "./tiers.ts";
import { writeSegment } from "./write.ts";

export interface CatchUpOptions {
  /** Stops when so many milliseconds are over; what was begun is finished. */
  readonly budget?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly messages: number; readonly documents: number }) => void;
}

export interface CaughtUp {
  readonly messages: number;
  readonly documents: number;
  readonly segments: number;
}

export interface Feed {
  /** Messages that stand in the store and not yet in the index. */
  lag(): Promise<number>;
  catchUp(options: CatchUpOptions): Promise<CaughtUp>;
  addSegments(built: readonly BuiltSegment[], pendingIds: readonly string[]): Promise<void>;
}

/** A claimed row is somebody's for so long. A process that dies leaves it for the next one. */
const lease = 60_000;
const claimRows = 64;
const removeRows = 1000;

/** Claimed rows on their way into the index. */
interface Run {
  /** Reads a row's documents; stops early when the time is over. Answers whether all of it was read. */
  read(row: PendingSearch): Promise<boolean>;
  /** Writes what was read, and strikes it off the list. */
  flush(): Promise<void>;
  readonly claimed: PendingSearch[];
}

interface RunParts {
  readonly store: Engine;
  readonly addSegment: (built: BuiltSegment) => Promise<void>;
  readonly finish: (ids: readonly string[]) => Promise<void>;
  readonly now: () => number;
  readonly isOver: () => boolean;
  readonly total: { messages: number; documents: number; segments: number };
  readonly onProgress: CatchUpOptions["onProgress"];
}

function createRun({ store, addSegment, finish, now, isOver, total, onProgress }: RunParts): Run {
  const builder = createSegmentBuilder();
  const done: string[] = [];
  const claimed: PendingSearch[] = [];
  let flushedAt = now();
  let partial: { readonly row: PendingSearch; readonly next: number; readonly messages: number } | undefined;

  /** The segment first, then the to-do list: a crash in between makes some of it twice, and loses nothing. */
  async function flush(): Promise<void> {
    flushedAt = now();
    if (builder.documents() > 0) {
      await addSegment(builder.build());
      total.segments++;
    }
    await finish(done.splice(0));
    if (!partial) return;
    const { row, next, messages } = partial;
    const count = Math.max(1, row.count - messages);
    await store.write([update(pendingSearch, { id: row.id }, { first: next, count })]);
    partial = undefined;
  }

  return {
    claimed,
    flush,
    async read(row) {
      let messages = 0;
      for await (const part of readPending(store, row)) {
        for (const document of part.documents) builder.add(document);
        messages += part.messages;
        total.messages += part.messages;
        total.documents += part.documents.length;
        onProgress?.(total);
        partial = { row, next: part.next, messages };
        const isLast = part.next > row.last;
        if (isLast) {
          partial = undefined;
          done.push(row.id);
          claimed.splice(claimed.indexOf(row), 1);
        }
        if (builder.tokens() >= segmentTokens || now() - flushedAt > lease / 4) await flush();
        if (isLast) return true;
        if (isOver()) return false;
      }
      return true;
    },
  };
}

export function createFeed(store: Engine, index: Engine, now: () => number): Feed {
  async function finish(ids: readonly string[]): Promise<void> {
    for (let from = 0; from < ids.length; from += removeRows) {
      await store.write([remove(pendingSearch, { id: { anyOf: ids.slice(from, from + removeRows) } })]);
    }
  }

  async function addSegment(built: BuiltSegment): Promise<void> {
    await writeSegment(index, { built, tier: tierOf(built), createdAt: now(), replaces: [] });
  }

  async function claim(): Promise<PendingSearch[]> {
    const where = { id: { not: storeMark }, claimedUntil: { upTo: now() } };
    return store.take(pendingSearch, { where, limit: claimRows }, { claimedUntil: now() + lease });
  }

  /** What was claimed and not done goes back on the list at once. */
  async function release(rows: readonly PendingSearch[]): Promise<void> {
    if (rows.length === 0) return;
    const anyOf = rows.map(({ id }) => id);
    await store.write([update(pendingSearch, { id: { anyOf } }, { claimedUntil: 0 })]);
  }

  return {
    async lag() {
      const [group] = await store.rollup(pendingSearch, { by: [], measures: { count: { sum: "count" } } });
      return group?.count ?? 0;
    },

    async catchUp({ budget = Number.POSITIVE_INFINITY, signal, onProgress }) {
      const end = performance.now() + budget;
      const isOver = (): boolean => signal?.aborted === true || performance.now() >= end;
      const total = { messages: 0, documents: 0, segments: 0 };
      const run = createRun({ store, addSegment, finish, now, isOver, total, onProgress });
      try {
        while (!isOver()) {
          const rows = await claim();
          if (rows.length === 0) break;
          run.claimed.push(...rows);
          for (const row of rows) if (isOver() || !(await run.read(row))) break;
        }
        await run.flush();
      } finally {
        await release(run.claimed);
      }
      return total;
    },

    async addSegments(built, pendingIds) {
      for (const segment of built) if (segment.documents > 0) await addSegment(segment);
      await finish(pendingIds);
    },
  };
}
