import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, test } from "vitest";
import type { Engine } from "../../dist/engine/engine.js";
import { openStore, type Store } from "../../dist/store.js";
import { startPostgres } from "../support/postgres.ts";

export interface Backend {
  /** `test`, or `test.skip` where this machine has no such server. */
  readonly it: typeof test;
  /** An open store of the test's own. */
  readonly engine: () => Engine;
  /** A clock that the test moves. */
  readonly clock: { at: number };
  readonly now: () => number;
}

/** The same tests on memory, a libSQL file and PostgreSQL. */
export async function onEachBackend(what: string, tests: (backend: Backend) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "loci-domains-"));
  const postgres = await startPostgres();
  afterAll(async () => {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  describe.each([
    ["memory", async () => "memory:"],
    ["libsql", async () => join(folder, `${Math.random()}.db`)],
    ["postgres", () => postgres.database()],
  ])(`${what} on %s`, (name, url) => {
    let store: Store;
    const clock = { at: 0 };
    beforeEach(async () => {
      clock.at = Date.parse("2026-11-20T12:00:00Z");
      store = await openStore(await url());
    });
    afterEach(() => store.close());
    tests({
      it: (name === "postgres" && postgres.missing !== undefined ? test.skip : test) as typeof test,
      engine: () => store.engine,
      clock,
      now: () => clock.at,
    });
  });
}
