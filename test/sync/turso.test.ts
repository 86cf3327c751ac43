import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Loci, open } from "../../dist/index.js";
import { missingTurso, startTursoServer, type TursoServer } from "../support/turso.ts";

const missing = missingTurso();

describe.skipIf(missing !== undefined)(
  `stores that Turso's own sync carries (${missing ?? "its server"})`,
  () => {
    let folder = "";
    let server: TursoServer;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "loci-sync-turso-"));
      server = await startTursoServer();
    });
    afterAll(async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    });
    const opened = (name: string): Promise<Loci> =>
      open(`turso:${join(folder, name)}`, { sync: { by: "turso", url: server.url, atSessionEnd: false } });

    test("what one recorded offline is at the other after both have synced, compared and searchable", async () => {
      await server.kill();
      const one = await opened("one.db");
      const recorder = one.recorder();
      recorder.record({ kind: "session", id: "s1", agentType: "planning", title: "Plan the API" });
      recorder.record({ kind: "message", sessionId: "s1", role: "user", content: "Where do we begin?" });
      await recorder.close();
      await expect(one.sync?.run()).rejects.toMatchObject({ code: "unreachable" });
      expect((await one.sync?.status())?.hubs).toMatchObject([{ state: "failed", failures: 1 }]);

      await server.start();
      const report = await one.sync?.run();
      expect(report).toMatchObject({ mode: "full", state: "ok", counts: [] });
      expect(report?.sent).toBeGreaterThan(1);
      const other = await opened("other.db");
      expect(await other.sync?.pull()).toMatchObject({ mode: "pull", state: "ok", received: 2, sent: 0 });
      expect((await other.sessions.get("s1"))?.title).toBe("Plan the API");
      expect((await other.search("begin")).total).toBe(1);
      expect(await other.sync?.verify()).toMatchObject({ different: 0, rows: 4 });
      // Its tables were made here, too: that is what it has to send.
      expect(await other.sync?.full()).toMatchObject({ mode: "full", state: "ok", counts: [] });
      const [hub] = (await other.sync?.status())?.hubs ?? [];
      expect(hub).toMatchObject({ state: "ok", error: null });
      // The engine counts one or two entries of its own books among what waits.
      expect(hub?.pending).toBeLessThanOrEqual(2);

      await other.memory.add({ agentId: "a", decisionType: "t", decisionData: "not sent yet" });
      expect(await other.sync?.verify()).toMatchObject({
        different: 1,
        differences: [{ collection: "agent_memory", what: "content" }],
      });
      await expect(other.sync?.localOnly("s1")).rejects.toMatchObject({ code: "unsupported" });
      await one.close();
      await other.close();
    });

    test("is for files of its own engine", async () => {
      const wrong = open(join(folder, "plain.db"), { sync: { by: "turso", url: server.url } });
      await expect(wrong).rejects.toMatchObject({ code: "config" });
    });
  },
);
