import type { Engine } from "../../engine/engine.ts";
import { searchBlocks } from "../../model/search.ts";
import type { Range } from "./directory.ts";
import { pageSize } from "./layout.ts";

/** A part of a segment that somebody wants. */
export interface Wanted extends Range {
  readonly segment: string;
}

export interface PageReader {
  /** The bytes of each range, in the order asked for, in one read. Throws {@link isGone} where a segment went away. */
  read(wanted: readonly Wanted[]): Promise<Uint8Array[]>;
  readonly held: () => number;
}

const gone = "search-segment-gone";

/** The segment was merged into another between two reads: the list of segments is old. */
export function isGone(error: unknown): boolean {
  return error instanceof Error && error.name === gone;
}

function goneError(segment: string): Error {
  const error = new Error(`segment ${segment} has no such page`);
  error.name = gone;
  return error;
}

export function pageId(segment: string, page: number): string {
  return `${segment}/${page.toString(36).padStart(5, "0")}`;
}

/** Rows asked for in one read: PostgreSQL and SQLite both take this many parameters. */
const mostRows = 4096;

/** Reads parts of segments; the least lately used are forgotten when they are more than `budget` bytes. */
export function createPageReader(engine: Engine, budget: number): PageReader {
  const cache = new Map<string, Uint8Array>();
  let held = 0;

  function keep(name: string, bytes: Uint8Array): void {
    if (bytes.length > budget / 4) return;
    held += bytes.length + 64;
    cache.set(name, bytes);
    for (const [oldest, old] of cache) {
      if (held <= budget) return;
      cache.delete(oldest);
      held -= old.length + 64;
    }
  }

  function recall(name: string): Uint8Array | undefined {
    const bytes = cache.get(name);
    if (!bytes) return undefined;
    cache.delete(name);
    cache.set(name, bytes);
    return bytes;
  }

  async function fetchPages(ids: readonly string[]): Promise<Map<string, Uint8Array>> {
    const pages = new Map<string, Uint8Array>();
    for (let from = 0; from < ids.length; from += mostRows) {
      const anyOf = ids.slice(from, from + mostRows);
      for (const row of await engine.find(searchBlocks, { where: { id: { anyOf } } }))
        pages.set(row.id, row.data);
    }
    return pages;
  }

  return {
    held: () => held,
    async read(wanted) {
      const names = wanted.map(({ segment, from, to }) => `${segment}/${from}-${to}`);
      const known = names.map(recall);
      const ids = new Set<string>();
      wanted.forEach(({ segment, from, to }, i) => {
        if (known[i] || to <= from) return;
        for (let page = Math.floor(from / pageSize); page * pageSize < to; page++)
          ids.add(pageId(segment, page));
      });
      const pages = ids.size === 0 ? new Map<string, Uint8Array>() : await fetchPages([...ids]);
      return wanted.map((range, i) => {
        const bytes = known[i];
        if (bytes) return bytes;
        const fresh = assemble(range, pages);
        keep(names[i] ?? "", fresh);
        return fresh;
      });
    },
  };
}

function assemble({ segment, from, to }: Wanted, pages: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, to - from));
  for (let at = from; at < to; ) {
    const number = Math.floor(at / pageSize);
    const page = pages.get(pageId(segment, number));
    const start = at - number * pageSize;
    if (!page || page.length <= start) throw goneError(segment);
    const part = page.subarray(start, start + Math.min(to - at, page.length - start));
    bytes.set(part, at - from);
    at += part.length;
  }
  return bytes;
}
