import { bestTtl, nothingKnown } from "../domains/cache/ttl.ts";
import { type Turso, turso } from "./turso.ts";

export interface CacheContext {
  /** The beginning that keys of its sort share. */
  readonly keyPattern: string;
  readonly region: string;
}

/** How keys of one sort are used, as the guide's own query answers it. */
export interface AccessPatternRow {
  readonly edge_location: string;
  readonly access_count: number;
  readonly days_since_access: number;
}

/** The guide's cache, over `loci.cache`. */
export class TursoIntelligentCache {
  readonly #turso: Turso;

  constructor(on: Turso = turso) {
    this.#turso = on;
  }

  /** Keeps a value for as long as its reads and changes suggest. Again with the same key replaces it. */
  async cacheWithIntelligence(
    key: string,
    value: unknown,
    context: CacheContext,
  ): Promise<{ readonly ttl_seconds: number }> {
    const { cache } = await this.#turso.open();
    const at = { location: context.region };
    await cache.set(key, value, { ...at, pattern: context.keyPattern, context });
    return { ttl_seconds: ((await cache.inspect(key, at))?.ttl ?? 0) / 1000 };
  }

  /** The value, or undefined where it expired or never was. */
  async get(key: string, { region }: Pick<CacheContext, "region">): Promise<unknown> {
    const { cache } = await this.#turso.open();
    return cache.get(key, { location: region });
  }

  /** How keys that begin so are used, by region. */
  async accessPatterns(keyPattern: string): Promise<AccessPatternRow[]> {
    const { cache } = await this.#turso.open();
    return (await cache.patterns(keyPattern)).map((pattern) => ({
      edge_location: pattern.edgeLocation,
      access_count: pattern.accessCount,
      days_since_access: pattern.daysSinceAccess,
    }));
  }

  /** The seconds that such keys should live, where nothing is known of one key itself. */
  calculateOptimalTTL(patterns: readonly AccessPatternRow[]): number {
    const reads = patterns.reduce((sum, pattern) => sum + pattern.access_count, 0);
    const days = Math.max(0, ...patterns.map((pattern) => pattern.days_since_access));
    const known = { ...nothingKnown, reads: Math.max(1, reads), readTime: days * 86_400 };
    return bestTtl(known, { changes: 0, exposure: 0 }, { costRatio: 1, least: 1, most: 86_400 });
  }
}
