import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { openTurso } from "../../dist/engines/turso/turso.js";
import { engineSuite, type Opened } from "../../dist/testing/index.js";
import { missingTurso } from "../support/turso.ts";

const missing = missingTurso();

async function openFile(options: { readonly inThread: boolean }): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), "loci-turso-"));
  return {
    engine: await openTurso(join(folder, "store.db"), options),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

const test = { describe, it };

if (missing !== undefined) describe.skip(`turso is an engine (${missing})`, () => it("is skipped", () => {}));
else {
  engineSuite("turso in its own thread", () => openFile({ inThread: false }), { test });
  engineSuite("turso in this thread", () => openFile({ inThread: true }), { test });
}
