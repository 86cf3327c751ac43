import { createHash } from "node:crypto";

/** Names of prepared statements: to plan the statement that completes and claims takes twice as long as to run it. */
export interface Names {
  /** Undefined where it is better sent without one. */
  readonly of: (sql: string) => string | undefined;
  /** True: a pooler gave us a connection that does not know a name, or the tables changed. No names from now on. */
  readonly giveUp: (error: unknown) => boolean;
}

/** Sent that often, it is worth a plan that is kept. */
const often = 5;
/** Each connection keeps as many plans as this; texts of statements are few. */
const atMost = 100;
/** Prepared already, not prepared, its answer has other columns by now. */
const unusable = new Set(["42P05", "26000", "0A000"]);

export function createNames(): Names {
  const seen = new Map<string, { times: number; name?: string }>();
  let named = 0;
  let usable = true;
  return {
    of(sql) {
      if (!usable) return undefined;
      const known = seen.get(sql);
      if (known === undefined) {
        if (seen.size < 1_000) seen.set(sql, { times: 1 });
        return undefined;
      }
      if (known.name === undefined && ++known.times > often && named < atMost) {
        named++;
        // Of the text: behind a pooler, other processes may have made a statement of this name, and it is the same one.
        known.name = `loci_${createHash("sha256").update(sql).digest("hex").slice(0, 32)}`;
      }
      return known.name;
    },
    giveUp(error) {
      const code: unknown = Reflect.get(Object(error), "code");
      if (named === 0 || typeof code !== "string" || !unusable.has(code)) return false;
      usable = false;
      return true;
    },
  };
}
