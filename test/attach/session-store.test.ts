import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { createSessionStore, type SessionStore } from "../../dist/claude-agent-sdk.js";
import { open } from "../../dist/index.js";
import { sessionStoreSuite } from "../../dist/testing/index.js";
import { startPostgres } from "../support/postgres.ts";
import { startSqld } from "../support/sqld.ts";

const folder = mkdtempSync(join(tmpdir(), "loci-session-store-"));
const postgres = await startPostgres();
const sqld = await startSqld();
afterAll(async () => {
  await postgres.stop();
  await sqld.stop();
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
const places = [
  { name: "memory", missing: undefined, url: async () => "memory:" },
  { name: "a libSQL file", missing: undefined, url: async () => join(folder, `${count++}.db`) },
  { name: "PostgreSQL", missing: postgres.missing, url: () => postgres.database() },
  { name: "a libSQL server", missing: sqld.missing, url: () => sqld.database() },
];

process.env["LOCI_HOME"] = folder;

type Writing = (writer: SessionStore) => Promise<void>;

for (const { name, missing, url } of places) {
  const it = (missing === undefined ? test : test.skip) as typeof test;
  // Once as it is written, much of it in the spool; once from the store alone, by one who did not write it.
  sessionStoreSuite(
    `What the spool and ${name} hold`,
    async () => {
      const loci = await open(await url());
      const store = createSessionStore(loci, { warn: false });
      const close = async (): Promise<void> => {
        await store.close();
        await loci.close();
      };
      return { store, close };
    },
    { describe, it },
  );
  sessionStoreSuite(
    `What ${name} holds`,
    async () => {
      const loci = await open(await url());
      const reader = createSessionStore(loci, { warn: false });
      let before: Promise<void> = Promise.resolve();
      const write = (work: Writing): Promise<void> => {
        before = before.then(async () => {
          const writer = createSessionStore(loci, { warn: false });
          await work(writer);
          expect((await writer.recorder.close()).problem).toBeUndefined();
        });
        return before;
      };
      const store: SessionStore = {
        ...reader,
        append: (key, entries) => write((writer) => writer.append(key, entries)),
        delete: (key) => write((writer) => writer.delete(key)),
      };
      const close = async (): Promise<void> => {
        await reader.close();
        await loci.close();
      };
      return { store, close };
    },
    { describe, it },
  );
}
