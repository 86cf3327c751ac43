import type { Ingest } from "./domains/ingest.ts";
import type { Prices } from "./domains/prices.ts";
import type { Search } from "./domains/search/search.ts";
import type { Engine } from "./engine/engine.ts";
import type { IndexThread } from "./index-thread.ts";
import type { Following, FollowOptions } from "./record/import/follow.ts";
import type { ImportOptions, ImportParts, ImportProgress, ImportReport } from "./record/import/import.ts";

export interface ImportAll extends Omit<ImportOptions, "paths"> {
  /** False: what is imported is not made searchable now. */
  readonly index?: boolean;
  /** Told while what was imported is made searchable: messages that are left. */
  readonly onIndex?: (left: number) => void;
}

interface ImportInto {
  readonly engine: Engine;
  readonly ingest: Ingest;
  readonly prices: Prices;
  readonly searching: () => Promise<Search>;
  readonly url: string;
}

/** From so many bytes on, a second thread makes messages searchable while others are still read. */
const largeImport = 32 * 1024 * 1024;

/** Imports, and makes what came in searchable. */
export async function importAll(
  { engine, ingest, prices, searching, url }: ImportInto,
  paths: readonly string[] | undefined,
  { index = true, onIndex, ...how }: ImportAll = {},
): Promise<ImportReport> {
  const { importPaths } = await import("./record/import/import.ts");
  const { startIndexThread } = await import("./index-thread.ts");
  let beside: IndexThread | undefined;
  const onProgress = (progress: ImportProgress): void => {
    const large = progress.totalBytes >= largeImport && /^(libsql|postgres)$/.test(engine.name);
    if (index && large && progress.stage === "read") beside ??= startIndexThread(url);
    how.onProgress?.(progress);
  };
  try {
    const report = await importPaths(importParts({ engine, ingest, prices }), {
      ...how,
      onProgress,
      ...(paths === undefined ? {} : { paths }),
    });
    if (!index) return report;
    const search = await searching();
    const all = await search.lag();
    // Where the thread fails, this one does what it left.
    await beside?.finish(() => void search.lag().then(onIndex)).catch(() => undefined);
    await search.catchUp({
      ...(how.signal === undefined ? {} : { signal: how.signal }),
      onProgress: ({ messages }) => onIndex?.(Math.max(0, all - messages)),
    });
    return report;
  } finally {
    beside?.stop();
  }
}

/** Follows the files of agents, and makes what comes in searchable. */
export async function followAll(
  { engine, ingest, prices, searching }: ImportInto,
  options: FollowOptions = {},
): Promise<Following> {
  const { followSources } = await import("./record/import/follow.ts");
  return followSources(importParts({ engine, ingest, prices }), {
    ...options,
    async onImported(sessions) {
      await (await searching()).catchUp();
      await options.onImported?.(sessions);
    },
  });
}

function importParts({
  engine,
  ingest,
  prices,
}: Pick<ImportInto, "engine" | "ingest" | "prices">): ImportParts {
  const openForeign = async (path: string) => (await import("./engines/libsql/foreign.ts")).openForeign(path);
  return { engine, ingest, costOf: prices.costOf, now: Date.now, openForeign };
}
