import type { Engine } from "../../engine/engine.ts";
import { errorCode, LociError } from "../../errors.ts";
import type { BuiltSegment } from "./builder.ts";
import { type CaughtUp, type CatchUpOptions, createFeed, type Feed } from "./feed.ts";
import { filtersOf, type SearchScope } from "./filter.ts";
import { ensureIndex } from "./incarnation.ts";
import { itemsOf, type SearchItem } from "./items.ts";
import { createPageReader, isGone, type PageReader } from "./pages.ts";
import { type Asked, askPage, decodeCursor, encodeCursor, type Page, questionOf } from "./paging.ts";
import { parseQuery } from "./query.ts";
import { withView } from "./rank.ts";
import { weightOf } from "./field.ts";
import { chooseMerge, mergeAt } from "./tiers.ts";
import { createViews, type Views } from "./view.ts";
import { removeStrays } from "./write.ts";

export type { SearchItem } from "./items.ts";

export interface SearchOptions extends SearchScope {
  /** 1 to 500. */
  readonly limit?: number;
  /** The `next` of the page before, for the same words and filters. */
  readonly after?: string | undefined;
}

export interface SearchAnswer {
  readonly items: readonly SearchItem[];
  readonly next: string | null;
  /** So many messages match, or at least so many. */
  readonly total: number;
  /** Messages that are stored and cannot be found yet. */
  readonly lag: number;
}

export interface Search {
  /** Finds messages by plain words. Errors: `invalid` for a limit or a cursor; never for the words. */
  search(words: string, options?: SearchOptions): Promise<SearchAnswer>;
  /** Messages that are stored and cannot be found yet. */
  lag(): Promise<number>;
  /** Brings the index up to date, and merges what became too many pieces. */
  catchUp(options?: CatchUpOptions): Promise<CaughtUp>;
  /** Takes in segments that were built elsewhere, and strikes their rows off the to-do list. */
  addSegments(built: readonly BuiltSegment[], pendingIds: readonly string[]): Promise<void>;
  /** Throws the index away and makes it again from the store. */
  rebuild(options?: CatchUpOptions): Promise<CaughtUp>;
}

export interface SearchParts {
  readonly store: Engine;
  /** Where the index is: an engine of its own, or the store's. */
  readonly index: Engine;
  readonly now?: () => number;
  /** Bytes of the index kept in memory. */
  readonly cacheBytes?: number;
}

const mostItems = 500;
const defaultCache: number = 64 * 1024 * 1024;
/** A searcher waits so long for an index that has to be made anew; what is not in it then is its lag. */
const mendBudget = 2000;
/** What is left to do, a search does first: for at most so many ms when it is little, and when it is much. */
const smallLag = 2000;
const smallBudget = 250;
const largeBudget = 1000;
/** A catch-up with a budget merges no more than it can: some 15 MB a second. */
const mergeBytesPerMs = 15_000;

/** The index's own bytes are not what we wrote, or the file is damaged. */
function isDamage(error: unknown): boolean {
  return error instanceof RangeError || isGone(error) || errorCode(error) === "corrupt";
}

/** Where nothing can be written the question is answered from what is there, and the answer shows the lag. */
function unlessUnwritable(error: unknown): void {
  if (errorCode(error) !== "permission") throw error;
}

interface Parts {
  readonly store: Engine;
  readonly index: Engine;
  readonly now: () => number;
  readonly pages: PageReader;
  readonly views: Views;
  readonly feed: Feed;
}

/** Merges while a tier is full and there is time. */
async function mergeAll(
  { index, now, pages, views }: Parts,
  end: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (;;) {
    const left = end - performance.now();
    if (left <= 0 || signal?.aborted === true) return;
    const merged = await withView(views, async (view) =>
      mergeAt(index, { view, pages, now: now() }, chooseMerge(view, left * mergeBytesPerMs)),
    );
    if (!merged) return;
  }
}

/** How much each word counts where a snippet is chosen. */
function snippetWeights({ stats }: Page): Map<string, number> {
  return new Map(
    [...stats.terms, ...stats.words].map(([term, count]) => [term, weightOf(count, stats.documents)]),
  );
}

/** Keeps an index right: of our store, caught up, mended where it is damaged. */
interface Keeper {
  ensure(): Promise<void>;
  catchUp(options: CatchUpOptions): Promise<CaughtUp>;
  rebuild(options: CatchUpOptions): Promise<CaughtUp>;
  /** An index that cannot be read is made anew; the question is then answered from what is there again. */
  mended<Answer>(ask: () => Promise<Answer>): Promise<Answer>;
}

function createKeeper(parts: Parts): Keeper {
  const { store, index, now, views, feed } = parts;
  let ready: Promise<void> | undefined;

  async function prepareIndex(): Promise<void> {
    await ensureIndex(store, index, { now: now() });
    await removeStrays(index, now());
  }

  async function ensure(): Promise<void> {
    ready ??= prepareIndex();
    try {
      await ready;
    } catch (error) {
      ready = undefined;
      throw error;
    }
  }

  async function beginAnew(): Promise<void> {
    views.forget();
    await ensureIndex(store, index, { now: now(), force: true });
  }

  async function catchUp(options: CatchUpOptions): Promise<CaughtUp> {
    const end = performance.now() + (options.budget ?? Number.POSITIVE_INFINITY);
    await ensure();
    const done = await feed.catchUp(options);
    try {
      await mergeAll(parts, end, options.signal);
    } catch (error) {
      if (!isDamage(error)) throw error;
      await beginAnew();
      return feed.catchUp({ ...options, budget: Math.max(0, end - performance.now()) });
    }
    return done;
  }

  return {
    ensure,
    catchUp,
    async rebuild(options) {
      await ensure();
      await beginAnew();
      return catchUp(options);
    },
    async mended(ask) {
      try {
        await ensure();
        return await ask();
      } catch (error) {
        if (!isDamage(error)) throw error;
        await beginAnew();
        await catchUp({ budget: mendBudget });
        return ask();
      }
    },
  };
}

/** The question as it is ranked. Errors: `invalid`. */
function askedOf(
  words: string,
  { limit = 10, after, project, session, agent }: SearchOptions,
  now: number,
): Asked {
  if (!Number.isInteger(limit) || limit < 1 || limit > mostItems) {
    throw new LociError("invalid", `limit is a whole number from 1 to ${mostItems}, not ${limit}.`, {
      next: "For more, go on with the `next` of the answer.",
    });
  }
  const scope = { project, session, agent };
  const question = questionOf(words, scope);
  const parsed = parseQuery(words, now);
  const cursor = after === undefined ? undefined : decodeCursor(after, question);
  return { parsed, filters: filtersOf(parsed, scope), limit, question, cursor };
}

export function createSearch({
  store,
  index,
  now = Date.now,
  cacheBytes = defaultCache,
}: SearchParts): Search {
  const pages = createPageReader(index, cacheBytes);
  const views = createViews(index, pages);
  const feed = createFeed(store, index, now);
  const keeper = createKeeper({ store, index, now, pages, views, feed });

  return {
    async search(words, options = {}) {
      const asked = askedOf(words, options, now());
      return keeper.mended(async () => {
        const before = await feed.lag();
        if (before > 0 && !asked.cursor) {
          await keeper
            .catchUp({ budget: before <= smallLag ? smallBudget : largeBudget })
            .catch(unlessUnwritable);
        }
        const page = await withView(views, (view) => askPage({ view, pages }, asked));
        const items = await itemsOf(store, page.hits, snippetWeights(page));
        const lag = before === 0 ? 0 : await feed.lag();
        return { items, next: page.next ? encodeCursor(page.next) : null, total: page.total, lag };
      });
    },
    lag: () => feed.lag(),
    catchUp: (options = {}) => keeper.catchUp(options),
    async addSegments(built, pendingIds) {
      await keeper.ensure();
      await feed.addSegments(built, pendingIds);
    },
    rebuild: (options = {}) => keeper.rebuild(options),
  };
}
