import { clearCache, listCache, showCached, showCacheStats, sweepCache } from "../../operations/cache.ts";
import type { Command } from "./command.ts";
import { operated } from "./operated.ts";

/** The cache that agents share: docs/cache.md. */
export const cacheCommands: readonly Command[] = [
  operated(showCacheStats, {
    view: async () => (await import("./views/cache.ts")).cacheStatsView,
    details:
      "Over all processes, as far as they have told: each tells what it read every 10 s and when it closes. LIVE FOR is how long values count as fresh, CHANGE EACH how often they were seen to change.",
    examples: [["loci cache stats", "what it holds and how often it helps"]],
  }),
  operated(showCached, {
    view: async () => (await import("./views/cache.ts")).cachedView,
    examples: [["loci cache get user:42", "the value, and how long it lives"]],
  }),
  operated(listCache, {
    view: async () => (await import("./views/cache.ts")).cacheListView,
    examples: [["loci cache ls user: --location fra", "keys that begin so, of one location"]],
  }),
  operated(clearCache, {
    view: async () => (await import("./views/cache.ts")).clearedView,
    details: "Other processes forget what they have in memory within a second.",
    examples: [
      ["loci cache clear user:", "keys that begin so"],
      ["loci cache clear --tag team:7", "what has this tag"],
      ["loci cache clear", "everything"],
    ],
  }),
  operated(sweepCache, {
    view: async () => (await import("./views/cache.ts")).sweptView,
    details: "A process that puts values does it each minute.",
    examples: [],
  }),
];
