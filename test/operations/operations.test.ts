import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createIngest } from "../../dist/domains/ingest.js";
import { createPrices } from "../../dist/domains/prices.js";
import { update } from "../../dist/engine/engine.js";
import { type Happening, type Loci, open } from "../../dist/index.js";
import { ledger } from "../../dist/model/ledger.js";
import { type DoctorAnswer, examine } from "../../dist/operations/doctor.js";
import type { Context } from "../../dist/operations/operation.js";
import { managePrices, type PricesAnswer } from "../../dist/operations/prices.js";
import { listSessions } from "../../dist/operations/sessions.js";
import { type SummaryAnswer, summarize } from "../../dist/operations/summary.js";
import { insert } from "../../dist/engine/engine.js";

const now = Date.parse("2026-11-20T12:00:00Z");
let home: string;
let loci: Loci;
let context: Context;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "loci-operations-"));
  chmodSync(home, 0o700);
  loci = await open(join(home, "loci.db"));
  context = { now: () => now, env: { HOME: home, LOCI_HOME: home }, folder: home, progress: () => undefined };
});

afterEach(async () => {
  await loci.close();
  rmSync(home, { recursive: true, force: true });
});

async function seed(...happenings: Happening[]): Promise<void> {
  const ingest = createIngest(loci.engine, { now: () => now, costOf: createPrices().costOf });
  const { sessions } = await ingest.write(happenings);
  await ingest.settle(sessions);
}

const call = (sessionId: string, model: string, at = now - 60_000): Happening => ({
  kind: "modelCall",
  sessionId,
  model,
  inputTokens: 1_000_000,
  outputTokens: 100_000,
  startedAt: at,
  final: true,
});

describe("prices", () => {
  const set = { action: "set", model: "foo-9", in: 3, out: 15 };

  test("that are set count the calls stored already, and the sessions' totals", async () => {
    await seed(
      { kind: "session", id: "s1", agentType: "x", startedAt: now },
      call("s1", "foo-9-20260101"),
      call("s1", "claude-opus-4-5"),
    );
    expect(await loci.sessions.get("s1")).toMatchObject({ costUsd: 7.5, costComplete: false });
    const answer = (await managePrices.run(loci, set, context)) as PricesAnswer;
    expect(answer).toMatchObject({
      changed: 1,
      items: [{ model: "foo-9", input: 3, output: 15, own: true }],
    });
    expect(await loci.sessions.get("s1")).toMatchObject({ costUsd: 12, costComplete: true });
    expect(await loci.reports.unpriced()).toEqual([]);
  });

  test("that are unset are unknown again", async () => {
    await seed(call("s1", "foo-9"));
    await managePrices.run(loci, set, context);
    expect(await managePrices.run(loci, { action: "unset", model: "foo-9" }, context)).toMatchObject({
      changed: 1,
    });
    expect(await loci.sessions.get("s1")).toMatchObject({ costUsd: 0, costComplete: false });
  });

  test("of many calls are set page by page", async () => {
    await seed(...Array.from({ length: 1203 }, () => call("s1", "foo-9")));
    expect(await managePrices.run(loci, set, context)).toMatchObject({ changed: 1203 });
    expect(await managePrices.run(loci, set, context)).toMatchObject({ changed: 0 });
  });
});

describe("the summary", () => {
  test("has seven days, also those on which nothing was spent, and the sub-agents beside their session", async () => {
    await seed(
      { kind: "session", id: "s1", agentType: "x", title: "one", startedAt: now - 3_600_000 },
      call("s1", "claude-opus-4-5"),
      {
        kind: "session",
        id: "s1/a",
        agentType: "explore",
        parentSessionId: "s1",
        startedAt: now - 3_000_000,
      },
      call("s1/a", "claude-opus-4-5"),
      {
        kind: "session",
        id: "s2",
        agentType: "x",
        startedAt: now - 40 * 86_400_000,
        endedAt: now - 40 * 86_400_000,
      },
      call("s2", "claude-opus-4-5", now - 40 * 86_400_000),
    );
    const answer = (await summarize.run(loci, { limit: 1 }, context)) as SummaryAnswer;
    expect(answer).toMatchObject({
      sessions: 1,
      costUsd: 15,
      costComplete: true,
      more: 1,
      period: { past: false },
    });
    expect(answer.days.map(({ costUsd }) => costUsd)).toEqual([0, 0, 0, 0, 0, 0, 15]);
    expect(answer.items).toMatchObject([
      { id: "s1", costUsd: 7.5, agents: { count: 1, costUsd: 7.5, costComplete: true } },
    ]);
  });

  test("of a store that was silent for a week shows the last week in which something was", async () => {
    const then = now - 40 * 86_400_000;
    await seed(
      { kind: "session", id: "s2", agentType: "x", startedAt: then, endedAt: then },
      call("s2", "claude-opus-4-5", then),
    );
    const answer = (await summarize.run(loci, { limit: 5 }, context)) as SummaryAnswer;
    expect(answer).toMatchObject({ sessions: 1, costUsd: 7.5, period: { past: true } });
    expect(answer.days.at(-1)).toMatchObject({ costUsd: 7.5 });
  });

  test("of an empty store is empty", async () => {
    expect(await summarize.run(loci, { limit: 5 }, context)).toMatchObject({
      sessions: 0,
      items: [],
      more: 0,
      costUsd: 0,
    });
  });
});

describe("the list", () => {
  test("is filtered by what the flags say", async () => {
    await seed(
      {
        kind: "session",
        id: "aaaa-1",
        agentType: "claude-code",
        projectPath: "/w/api",
        startedAt: now - 5000,
      },
      {
        kind: "session",
        id: "aaaa-1/b",
        agentType: "explore",
        parentSessionId: "aaaa-1",
        startedAt: now - 4000,
      },
      {
        kind: "session",
        id: "bbbb-1",
        agentType: "claude-code",
        projectPath: "/w/web",
        status: "error",
        startedAt: now - 3000,
      },
    );
    const ids = async (input: object): Promise<string[]> => {
      const page = (await listSessions.run(
        loci,
        { limit: 20, all: false, top: false, ...input },
        context,
      )) as { items: Array<{ id: string }> };
      return page.items.map(({ id }) => id);
    };
    expect(await ids({})).toEqual(["bbbb-1", "aaaa-1/b", "aaaa-1"]);
    expect(await ids({ top: true })).toEqual(["bbbb-1", "aaaa-1"]);
    expect(await ids({ parent: "aaaa" })).toEqual(["aaaa-1/b"]);
    expect(await ids({ project: "api" })).toEqual(["aaaa-1"]);
    expect(await ids({ status: "error" })).toEqual(["bbbb-1"]);
    expect(await ids({ agent: "explore" })).toEqual(["aaaa-1/b"]);
    expect(await ids({ since: now - 3500 })).toEqual(["bbbb-1"]);
    expect(await ids({ all: true, limit: 1 })).toHaveLength(3);
  });
});

describe("the doctor", () => {
  async function seen(fix = false): Promise<Map<string, DoctorAnswer["checks"][number]>> {
    const answer = (await examine.run(loci, { fix }, context)) as DoctorAnswer;
    expect(answer.checks.length).toBeGreaterThanOrEqual(15);
    return new Map(answer.checks.map((check) => [check.name, check]));
  }

  test("of a healthy store finds nothing to mend but that there are no transcripts", async () => {
    const bad = [...(await seen()).values()].filter(({ state }) => state !== "ok");
    expect(bad.map(({ name }) => name)).toEqual(["transcripts"]);
  });

  test("closes files that others may read", async () => {
    chmodSync(join(home, "loci.db"), 0o644);
    chmodSync(home, 0o755);
    expect((await seen()).get("permissions")).toMatchObject({
      state: "warn",
      fix: expect.stringContaining("chmod 600"),
    });
    const after = await seen(true);
    expect(after.get("permissions")).toMatchObject({ state: "ok", fixed: "1 files closed to others" });
    expect(after.get("folder")).toMatchObject({ state: "ok", fixed: "closed to others" });
    expect(statSync(join(home, "loci.db")).mode & 0o777).toBe(0o600);
  });

  test("makes searchable what is not yet", async () => {
    await seed({ kind: "message", sessionId: "s1", role: "user", content: "phoenix" });
    expect((await seen()).get("search index")).toMatchObject({
      state: "warn",
      fact: "1 messages cannot be found yet",
    });
    expect((await seen(true)).get("search index")).toMatchObject({
      state: "ok",
      fixed: "1 messages made searchable",
    });
    expect((await loci.search("phoenix")).items).toHaveLength(1);
  });

  test("finds a ledger that does not balance, what was dropped, silent sessions, a clock ahead and a missing price", async () => {
    await seed(
      {
        kind: "session",
        id: "s1",
        agentType: "x",
        status: "running",
        startedAt: now - 3 * 86_400_000,
        updatedAt: now - 3 * 86_400_000,
      },
      { kind: "session", id: "s2", agentType: "x", startedAt: now + 86_400_000 },
      call("s3", "foo-9"),
    );
    await loci.engine.write([
      insert(ledger, [
        {
          id: "r1",
          host: "h",
          pid: 1,
          startedAt: now,
          noted: 5,
          written: 5,
          dropped: 2,
          reasons: { "disk full": 2 },
          updatedAt: now,
        },
      ]),
    ]);
    const found = await seen();
    expect(found.get("ledger")).toMatchObject({
      state: "fail",
      fact: expect.stringContaining("do not balance"),
    });
    expect(found.get("dropped")).toMatchObject({ state: "warn", fact: "dropped: 2 disk full" });
    expect(found.get("running sessions")).toMatchObject({ state: "warn" });
    expect(found.get("clock")).toMatchObject({ state: "warn", fact: expect.stringContaining("1 sessions") });
    expect(found.get("prices")).toMatchObject({ fix: "loci prices set foo-9 --in N --out N" });
    await loci.engine.write([update(ledger, { id: "r1" }, { noted: 7, dropped: 0 })]);
    expect((await seen()).get("ledger")).toMatchObject({ state: "ok" });
  });

  test("sees variables that mean nothing, and reports of bugs", async () => {
    context = { ...context, env: { ...context.env, LOCI_LIMT: "5" } };
    expect((await seen()).get("environment")).toMatchObject({
      state: "warn",
      fix: "Did you mean LOCI_LIMIT?",
    });
    context = { ...context, env: { HOME: home, LOCI_HOME: home, TURSO_DATABASE_URL: "libsql://x" } };
    expect((await seen()).get("environment")).toMatchObject({ state: "warn", fix: "Set both, or LOCI_URL" });
  });

  test("says how many transcripts are new or go soon", async () => {
    const { cpSync, readdirSync, utimesSync } = await import("node:fs");
    const folder = join(home, "claude", "projects");
    cpSync(new URL("../../samples/projects/", import.meta.url), folder, { recursive: true });
    writeFileSync(join(home, "claude", "settings.json"), '{"cleanupPeriodDays": 10}');
    const old = new Date(now - 5 * 86_400_000);
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      if (name.endsWith(".jsonl")) utimesSync(join(folder, name), old, old);
    }
    context = { ...context, env: { ...context.env, CLAUDE_CONFIG_DIR: join(home, "claude") } };
    const found = await seen();
    expect(found.get("imported")).toMatchObject({
      state: "warn",
      fact: expect.stringContaining("6 have something new"),
    });
    expect(found.get("transcripts kept")).toMatchObject({
      state: "warn",
      fact: `Claude Code removes them after 10 days: of 3 that go within 7 days 3 are not kept here, the first goes on ${new Date(now + 5 * 86_400_000).toISOString().slice(0, 10)}`,
    });
    await loci.import([folder]);
    const after = await seen();
    expect(after.get("transcripts kept")?.fact).toContain("3 go within 7 days");
    expect(after.get("imported")).toMatchObject({ state: "ok" });
  });
});
