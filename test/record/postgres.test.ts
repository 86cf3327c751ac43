import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openDrainStore } from "../../dist/drain-store.js";
import { open } from "../../dist/index.js";
import { createRecorder } from "../../dist/record/recorder.js";
import { recoverLeftovers } from "../../dist/record/recovery.js";
import { startPostgres } from "../support/postgres.ts";
import { acknowledged, startHost } from "./world.ts";

const postgres = await startPostgres();
const folder = mkdtempSync(join(tmpdir(), "loci-record-pg-"));
afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(postgres.missing !== undefined)("a recorder of a PostgreSQL store", () => {
  test("brings what it took to the store; two on one session leave no gap and double nothing", async () => {
    const store = await postgres.database();
    const recorders = [1, 2].map((n) =>
      createRecorder({ spool: join(folder, `spool-${n}`), store, warn: false }),
    );
    for (let n = 1; n <= 300; n++) {
      for (const recorder of recorders) {
        recorder.record({
          kind: "message",
          sessionId: "s",
          role: "user",
          content: `${n}\u0000 of ${recorder.id}`,
        });
      }
    }
    for (const recorder of recorders) {
      expect(await recorder.close()).toMatchObject({ noted: 300, written: 300, spooled: 0, dropped: 0 });
    }
    await using loci = await open(store);
    const rows = await loci.sessions.messages("s");
    expect(rows.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 600 }, (_, n) => n + 1));
    expect(new Set(rows.map(({ content }) => content)).size).toBe(600);
    expect(await loci.sessions.get("s")).toMatchObject({ messageCount: 600 });
  });

  test("that was killed loses nothing that was acknowledged", async () => {
    const store = await postgres.database();
    const place = { folder, db: "", spool: join(folder, "loci.spool"), [Symbol.dispose]: () => undefined };
    const host = startHost(place, { session: "killed", rate: 2_000, store });
    await host.recording;
    await expect.poll(() => acknowledged(place, "killed"), { timeout: 20_000 }).toBeGreaterThan(1_000);
    host.process.kill("SIGKILL");
    await host.ended;
    const drain = await openDrainStore(store);
    await recoverLeftovers(drain, { spool: place.spool });
    await drain.close();
    await using loci = await open(store);
    const numbers = (await loci.sessions.messages("killed")).map(({ content }) =>
      Number.parseInt(content ?? "", 10),
    );
    expect(numbers.length).toBeGreaterThanOrEqual(acknowledged(place, "killed"));
    expect(numbers).toEqual(numbers.map((_, n) => n + 1));
    expect(readdirSync(place.spool)).toEqual([]);
  });
});
