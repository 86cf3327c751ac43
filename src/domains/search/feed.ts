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

/** Claimed rows, and what is already in the builder of them. */
interface Work {
  readonly done: PendingSearch[];
  /** The row that was begun, and where it goes on. */
  partial: { readonly row: PendingSearch; readonly next: number; readonly messages: number } | undefined;
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

  /** The segment first, then the to-do list: a crash in between makes some of it twice, and loses nothing. */
  async function flush(builder: ReturnType<typeof createSegmentBuilder>, work: Work): Promise<number> {
    const isEmpty = builder.documents() === 0;
    if (!isEmpty) await addSegment(builder.build());
    await finish(work.done.splice(0).map(({ id }) => id));
    const { partial } = work;
    if (partial) {
      const { row, next, messages } = partial;
      const count = Math.max(1, row.count - messages);
      await store.write([
        update(pendingSearch, { id: row.id }, { first: next, count, claimedUntil: now() + lease }),
      ]);
      work.partial = undefined;
    }
    return isEmpty ? 0 : 1;
  }

  async function release(rows: readonly PendingSearch[]): Promise<void> {
    if (rows.length === 0) return;
    const anyOf = rows.map(({ id }) => id);
    await store.write([update(pendingSearch, { id: { anyOf } }, { claimedUntil: 0 })]);
  }

  async function claim(): Promise<PendingSearch[]> {
    const where = { id: { not: storeMark }, claimedUntil: { upTo: now() } };
    return store.take(pendingSearch, { where, limit: claimRows }, { claimedUntil: now() + lease });
  }

  return {
    async lag() {
      const [group] = await store.rollup(pendingSearch, { by: [], measures: { count: { sum: "count" } } });
      return group?.count ?? 0;
    },

    async catchUp({ budget = Number.POSITIVE_INFINITY, signal, onProgress }) {
      const builder = createSegmentBuilder();
      const work: Work = { done: [], partial: undefined };
      const end = performance.now() + budget;
      const isOver = (): boolean => signal?.aborted === true || performance.now() >= end;
      const total = { messages: 0, documents: 0, segments: 0 };
      let claimedAt = now();
      while (!isOver()) {
        const rows = await claim();
        if (rows.length === 0) break;
        claimedAt = now();
        const waiting = [...rows];
        try {
          for (let row = waiting[0]; row && !isOver(); row = waiting[0]) {
            let messages = 0;
            let isWhole = true;
            for await (const part of readPending(store, row)) {
              for (const document of part.documents) builder.add(document);
              messages += part.messages;
              total.messages += part.messages;
              total.documents += part.documents.length;
              onProgress?.(total);
              isWhole = part.next > row.last;
              if (isWhole) break;
              work.partial = { row, next: part.next, messages };
              if (builder.tokens() >= segmentTokens) total.segments += await flush(builder, work);
              if (isOver()) break;
            }
            if (isWhole) {
              work.partial = undefined;
              work.done.push(row);
              waiting.shift();
            }
            if (builder.tokens() >= segmentTokens || now() - claimedAt > lease / 3) {
              total.segments += await flush(builder, work);
              claimedAt = now();
            }
          }
        } finally {
          total.segments += await flush(builder, work).catch(async (error: unknown) => {
            await release([...work.done, ...waiting]).catch(() => undefined);
            throw error;
          });
          await release(waiting);
        }
      }
      return total;
    },

    async addSegments(built, pendingIds) {
      for (const segment of built) if (segment.documents > 0) await addSegment(segment);
      await finish(pendingIds);
    },
  };
}
