import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, it } from "vitest";
import { createMemoryEngine } from "../../dist/engine/memory.js";
import { openLibsql } from "../../dist/engines/libsql/libsql.js";
import { createPostgresEngine } from "../../dist/engines/postgres/postgres.js";
import { createRemoteEngine } from "../../dist/engines/remote/remote.js";
import { engineSuite, type Opened } from "../../dist/testing/index.js";
import { startPostgres } from "../support/postgres.ts";
import { startSqld } from "../support/sqld.ts";
import { remoteGaps } from "./gaps.ts";

const server = await startPostgres();
const sqld = await startSqld();
afterAll(() => Promise.all([server.stop(), sqld.stop()]));

async function openFile(options: { readonly inThread: boolean }): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), "loci-suite-"));
  const args = [join(folder, "store.db"), options] as const;
  return {
    engine: await openLibsql(...args),
    elsewhere: {
      module: new URL("../../dist/engines/libsql/libsql.js", import.meta.url).href,
      open: "openLibsql",
      args,
    },
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

async function openPostgres(): Promise<Opened> {
  const url = await server.database();
  return {
    engine: await createPostgresEngine(url, { max: 4 }),
    elsewhere: {
      module: new URL("../../dist/engines/postgres/postgres.js", import.meta.url).href,
      open: "createPostgresEngine",
      args: [url, { max: 2 }],
    },
  };
}

async function openRemote(): Promise<Opened> {
  const url = await sqld.database();
  return {
    engine: createRemoteEngine(url),
    elsewhere: {
      module: new URL("../../dist/engines/remote/remote.js", import.meta.url).href,
      open: "createRemoteEngine",
      args: [url],
    },
  };
}

const test = { describe, it };

engineSuite("memory", async () => ({ engine: createMemoryEngine() }), { test });
engineSuite("libsql in its own thread", () => openFile({ inThread: false }), { test });
engineSuite("libsql in this thread", () => openFile({ inThread: true }), { test });
if (server.missing)
  describe.skip(`postgres is an engine (${server.missing})`, () => it("is skipped", () => {}));
else engineSuite("postgres", openPostgres, { test });
if (sqld.missing) describe.skip(`remote is an engine (${sqld.missing})`, () => it("is skipped", () => {}));
else engineSuite("remote", openRemote, { test, gaps: remoteGaps });
