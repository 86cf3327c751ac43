import { beforeEach, describe, expect, it } from "vitest";
import { createIngest, type Ingest } from "../../dist/domains/ingest.js";
import { createSessions } from "../../dist/domains/sessions.js";
import { insert } from "../../dist/engine/engine.js";
import { pendingSearch } from "../../dist/model/search.js";
import { openStore } from "../../dist/store.js";
import { onEachBackend } from "./backends.ts";

await onEachBackend("ingest", ({ it, engine }) => {
  let ingest: Ingest;
  const costOf = ({ model, outputTokens }: { model: string; outputTokens: number }) =>
    model === "known" ? outputTokens / 100 : null;

  beforeEach(() => {
    ingest = createIngest(engine(), { now: () => 1_000, costOf });
  });
  it("leaves no gap where some of what it is given was written by another process before it ended", async () => {
    const said = (n: number) =>
      ({ kind: "message", id: `m${n}`, sessionId: "s", role: "user", content: `${n}` }) as const;
    await ingest.write([said(1), said(2), said(3)]);
    const next = createIngest(engine(), { now: () => 2_000, costOf });
    await next.write([said(1), said(2)]);
    await next.write([said(3), said(4)]);
    await next.write([said(5)]);
    const rows = await createSessions(engine()).messages("s");
    expect(rows.map(({ id, sequence }) => `${id} ${sequence}`)).toEqual(
      [1, 2, 3, 4, 5].map((n) => `m${n} ${n}`),
    );
  });

  it("numbers messages within their session", async () => {
    await ingest.write([
      { kind: "message", id: "m1", sessionId: "s", role: "user", content: "one" },
      { kind: "message", id: "m2", sessionId: "s", role: "assistant", content: "two" },
    ]);
    await ingest.write([{ kind: "message", id: "m3", sessionId: "s", role: "user", content: "three" }]);
    const rows = await createSessions(engine()).messages("s");
    expect(rows.map((row) => [row.sequence, row.content])).toEqual([
      [1, "one"],
      [2, "two"],
      [3, "three"],
    ]);
  });

  it("gives a message the next number when another writer took it", async () => {
    const other = createIngest(engine(), { now: () => 1_000, costOf });
    await ingest.write([{ kind: "message", id: "a1", sessionId: "s", role: "user" }]);
    await other.write([{ kind: "message", id: "b1", sessionId: "s", role: "user" }]);
    await other.write([{ kind: "message", id: "b2", sessionId: "s", role: "user" }]);
    await ingest.write([
      { kind: "message", id: "a2", sessionId: "s", role: "user" },
      { kind: "message", id: "a3", sessionId: "s", role: "user" },
    ]);
    const rows = await createSessions(engine()).messages("s");
    expect(rows.map((row) => [row.sequence, row.id])).toEqual([
      [1, "a1"],
      [2, "b1"],
      [3, "b2"],
      [4, "a2"],
      [5, "a3"],
    ]);
  });

  it("writes twice what stands once", async () => {
    const batch = [
      { kind: "session", id: "s", agentType: "planner", startedAt: 5 },
      { kind: "message", id: "m1", sessionId: "s", role: "user", createdAt: 6 },
      { kind: "toolExecution", id: "t1", sessionId: "s", toolName: "Bash", status: "running", startedAt: 7 },
      { kind: "toolExecution", id: "t1", sessionId: "s", toolName: "Bash", status: "completed", endedAt: 19 },
      { kind: "modelCall", id: "c1", sessionId: "s", model: "known", outputTokens: 100, startedAt: 8 },
    ] as const;
    for (let time = 0; time < 2; time++) {
      await ingest.write(batch);
      await ingest.settle(["s"]);
    }
    const sessions = createSessions(engine());
    expect(await sessions.get("s")).toMatchObject({
      agentType: "planner",
      messageCount: 1,
      toolCount: 1,
      errorCount: 0,
      outputTokens: 100,
      costUsd: 1,
      costComplete: true,
      model: "known",
      updatedAt: 19,
    });
    expect(await sessions.toolExecutions("s")).toMatchObject([
      { id: "t1", status: "completed", durationMs: 12, messageId: "m1" },
    ]);
  });

  it("closes a tool execution that began in an earlier write, and never opens it again", async () => {
    await ingest.write([
      { kind: "toolExecution", id: "t", sessionId: "s", toolName: "Read", startedAt: 100 },
    ]);
    await ingest.write([
      {
        kind: "toolExecution",
        id: "t",
        sessionId: "s",
        toolName: "Read",
        status: "error",
        error: "gone",
        endedAt: 90,
      },
    ]);
    await ingest.write([
      { kind: "toolExecution", id: "t", sessionId: "s", toolName: "Read", status: "running" },
    ]);
    expect(await createSessions(engine()).toolExecutions("s")).toMatchObject([
      { status: "error", error: "gone", startedAt: 100, durationMs: 0 },
    ]);
  });

  it("times a call that is told whole in one write from when it was first heard of", async () => {
    const call = { kind: "toolExecution", id: "t", sessionId: "s", toolName: "Read" } as const;
    const told = [
      { ...call, status: "running", at: 40 },
      { ...call, status: "completed", at: 100 },
    ] as const;
    await ingest.write(told);
    expect(await createSessions(engine()).toolExecutions("s")).toMatchObject([
      { status: "completed", startedAt: 40, endedAt: 100, durationMs: 60 },
    ]);
  });

  it("says that a cost is incomplete while a model has no price", async () => {
    await ingest.write([
      { kind: "modelCall", id: "c1", sessionId: "s", model: "known", outputTokens: 100 },
      { kind: "modelCall", id: "c2", sessionId: "s", model: "foo-9", outputTokens: 100 },
      { kind: "modelCall", id: "c3", sessionId: "s", model: "known", outputTokens: 900, inherited: true },
    ]);
    await ingest.settle(["s"]);
    expect(await createSessions(engine()).get("s")).toMatchObject({
      outputTokens: 200,
      costUsd: 1,
      costComplete: false,
    });
  });

  it("lists what the index does not have", async () => {
    await ingest.write([{ kind: "message", id: "m1", sessionId: "s", role: "user" }]);
    await ingest.write([
      { kind: "message", id: "m2", sessionId: "s", role: "user" },
      { kind: "toolExecution", id: "t1", sessionId: "s", toolName: "Bash", messageId: "m1" },
      { kind: "toolExecution", id: "t2", sessionId: "other", toolName: "Bash" },
    ]);
    const rows = await engine().find(pendingSearch);
    expect(rows.map(({ sessionId, first, last }) => [sessionId, first, last])).toEqual([
      ["s", 1, 1],
      ["s", 1, 2],
      ["other", 0, 0],
    ]);
  });

  it("writes the caller's changes with the rows", async () => {
    const row = { id: "p", sessionId: "x", first: 1, last: 1, count: 1, claimedUntil: 0 };
    await ingest.write([{ kind: "message", id: "m", sessionId: "s", role: "user" }], {
      changes: [insert(pendingSearch, [row])],
    });
    expect(await engine().find(pendingSearch, { where: { id: "p" } })).toEqual([row]);
  });

  it("refuses a moment that is none, and writes nothing of the batch", async () => {
    const batch = [
      { kind: "message", id: "m1", sessionId: "s", role: "user" },
      { kind: "message", id: "m2", sessionId: "s", role: "user", createdAt: "yesterday" },
    ] as const;
    await expect(ingest.write(batch)).rejects.toMatchObject({ code: "invalid" });
    expect(await createSessions(engine()).messages("s")).toEqual([]);
  });
});

describe("sessions", () => {
  it("are found by the beginning of their id, and named by the shortest that is theirs alone", async () => {
    await using store = await openStore("memory:");
    const ingest = createIngest(store.engine, { now: () => 1, costOf: () => null });
    const ids = ["abcd1111", "abcd2222", "abcd2222/agent-1", "ffff0000"];
    await ingest.write(ids.map((id) => ({ kind: "session", id })));
    const sessions = createSessions(store.engine);
    expect(Object.fromEntries(await sessions.shorten(ids.slice(0, 2).concat("ffff0000")))).toEqual({
      abcd1111: "abcd1",
      abcd2222: "abcd2",
      ffff0000: "ffff",
    });
    expect(await sessions.resolve("abcd2")).toMatchObject({ id: "abcd2222" });
    await expect(sessions.resolve("abcd")).rejects.toMatchObject({ code: "not-found" });
    await expect(sessions.resolve("zzzz")).rejects.toMatchObject({ code: "not-found" });
  });

  it("are listed newest first, page after page", async () => {
    await using store = await openStore("memory:");
    const ingest = createIngest(store.engine, { now: () => 1, costOf: () => null });
    await ingest.write(
      Array.from({ length: 25 }, (_, at) => ({
        kind: "session" as const,
        id: `s${at}`,
        startedAt: Math.floor(at / 2),
      })),
    );
    const sessions = createSessions(store.engine);
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await sessions.list({ limit: 10, after });
      seen.push(...page.items.map((row) => row.id));
      after = page.next ?? undefined;
    } while (after !== undefined);
    expect(seen).toHaveLength(25);
    expect(new Set(seen).size).toBe(25);
    expect(seen[0]).toBe("s24");
    await expect(sessions.list({ after: "bm9wZQ" })).rejects.toMatchObject({ code: "invalid" });
  });
});
