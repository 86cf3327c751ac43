import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createTursoPool } from "../../dist/compat.js";
import { openDrainStore } from "../../dist/drain-store.js";
import { open } from "../../dist/index.js";
import { createRecorder, type Recorder } from "../../dist/record/recorder.js";
import { recoverLeftovers } from "../../dist/record/recovery.js";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { killRuns } from "../support/kills.ts";
import { startSqld } from "../support/sqld.ts";

const sqld = await startSqld({ tokens: true });
const folder = mkdtempSync(join(tmpdir(), "loci-record-remote-"));
process.env["LOCI_HOME"] = folder;
let proxy: FaultProxy;
let direct = "";
let url = "";
beforeAll(async () => {
  if (sqld.missing) return;
  direct = await sqld.database();
  proxy = await startFaultProxy(sqld.port);
  url = direct.replace(`:${sqld.port}`, `:${proxy.port}`);
  await (await open(direct, { authToken: sqld.token() })).close();
});
afterEach(() => {
  if (proxy) proxy.fault = "pass";
});
afterAll(async () => {
  await proxy?.stop();
  await sqld.stop();
  rmSync(folder, { recursive: true, force: true });
});

const { kills, timeout } = killRuns(5);

interface Said {
  readonly from?: number;
  readonly count: number;
}

function say(recorder: Recorder, sessionId: string, { from = 1, count }: Said): void {
  for (let n = from; n < from + count; n++)
    recorder.record({ kind: "message", sessionId, role: "user", content: `${n} ${"x".repeat(500)}` });
}

async function numbersOf(sessionId: string): Promise<number[]> {
  await using loci = await open(direct, { authToken: sqld.token() });
  const rows = await loci.sessions.messages(sessionId);
  return rows.map(({ content }) => Number.parseInt(content ?? "", 10));
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);

describe.skipIf(sqld.missing)("a recorder of a libSQL server", () => {
  test.each(["cut the answer", "cut the request", "drip"] as const)(
    "brings everything once, whatever the network does: %s",
    async (fault) => {
      const session = `s-${fault}`;
      const spool = join(folder, session);
      const recorder = createRecorder({ spool, store: url, authToken: sqld.token(), warn: false });
      say(recorder, session, { count: 300 });
      proxy.faults = 4;
      proxy.fault = fault;
      say(recorder, session, { count: 300, from: 301 });
      await recorder.flush({ timeout: 20_000 });
      proxy.fault = "pass";
      expect(await recorder.close()).toMatchObject({ noted: 600, written: 600, spooled: 0, dropped: 0 });
      expect(await numbersOf(session)).toEqual(upTo(600));
    },
  );

  test("keeps what it notes through an outage, and brings it afterwards", async () => {
    const recorder = createRecorder({
      spool: join(folder, "out"),
      store: url,
      authToken: sqld.token(),
      warn: false,
    });
    say(recorder, "out", { count: 100 });
    await recorder.flush({ timeout: 20_000 });
    await proxy.stop();
    say(recorder, "out", { count: 400, from: 101 });
    expect((await recorder.flush({ timeout: 4_000 })).problem).toMatch(/does not answer/);
    expect(recorder.tally).toMatchObject({ noted: 500, dropped: 0 });
    await proxy.start();
    await recorder.flush({ timeout: 20_000 });
    expect(await recorder.close()).toMatchObject({ noted: 500, written: 500, dropped: 0 });
    expect(await numbersOf("out")).toEqual(upTo(500));
  });

  test(`loses nothing and doubles nothing where the server is killed ${kills} times at random`, {
    timeout,
  }, async () => {
    const recorder = createRecorder({
      spool: join(folder, "kills"),
      store: direct,
      authToken: sqld.token(),
      warn: false,
    });
    let count = 0;
    const note = (many: number): void => {
      say(recorder, "kills", { from: count + 1, count: many });
      count += many;
    };
    for (let kill = 0; kill < kills; kill++) {
      for (let step = 0; step < 5; step++) {
        note(20);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
      }
      await sqld.kill();
      note(20);
      await sqld.start();
      // What waits for an answer that never comes goes on when the drain tries again.
      if (kill % 5 === 4) await recorder.flush({ timeout: 30_000 });
    }
    await recorder.flush({ timeout: 60_000 });
    expect(await recorder.close()).toMatchObject({ noted: count, written: count, spooled: 0, dropped: 0 });
    expect(await numbersOf("kills")).toEqual(upTo(count));
  });

  test("with a token that has expired, everything waits in the spool and the server is left alone", async () => {
    const expired = sqld.token({ exp: Math.floor(Date.now() / 1_000) - 7_200 });
    const spool = join(folder, "expired");
    const recorder = createRecorder({ spool, store: url, authToken: expired, warn: false });
    proxy.requests = 0;
    say(recorder, "expired", { count: 200 });
    // The drain opens the store anew after a second or two: several times by then.
    expect((await recorder.flush({ timeout: 6_000 })).problem).toMatch(/it expired/);
    expect(proxy.requests).toBeGreaterThan(0);
    expect(proxy.requests).toBeLessThanOrEqual(2);
    expect(recorder.tally).toMatchObject({ noted: 200, written: 0, dropped: 0 });
    expect(JSON.stringify(recorder.tally)).not.toContain(expired);
    expect(await recorder.close({ timeout: 500 })).toMatchObject({ noted: 200, spooled: 200, dropped: 0 });

    const drain = await openDrainStore(url, { authToken: sqld.token() });
    await recoverLeftovers(drain, { spool });
    await drain.close();
    expect(await numbersOf("expired")).toEqual(upTo(200));
  });

  test("open() hands its token on to its recorders, as a text or as what makes it", async () => {
    for (const authToken of [sqld.token(), () => sqld.token()]) {
      const session = `open-${typeof authToken}`;
      await using loci = await open(direct, { authToken });
      const recorder = loci.recorder({ warn: false });
      say(recorder, session, { count: 50 });
      expect(await recorder.close()).toMatchObject({ noted: 50, written: 50, spooled: 0 });
      expect(await numbersOf(session)).toEqual(upTo(50));
      await loci.index.catchUp();
      expect((await loci.search("x".repeat(500), { session })).total).toBeGreaterThan(0);
    }
  });

  test("createTursoPool passes its address, its token and its connections on", async () => {
    await using turso = createTursoPool({
      url: direct,
      authToken: sqld.token(),
      maxConnections: 2,
      idleTimeout: 1_000,
    });
    await turso.add_conversation({ session_id: "pool", message: "hello", response: "there" });
    expect(await turso.get_conversations({ session_id: "pool" })).toMatchObject([
      { content: "hello" },
      { content: "there" },
    ]);
    await turso.add_knowledge({ topic: "storks", content: "they nest on chimneys" });
    expect(await turso.search_knowledge({ query: "chimneys" })).toHaveLength(1);
    expect(
      await turso.execute_read_only_query({ query: "select role from v_messages where session_id = 'pool'" }),
    ).toMatchObject({
      rows: [{ role: "user" }, { role: "assistant" }],
    });
  });
});
