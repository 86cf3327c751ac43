import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Happening } from "../../dist/index.js";
import { createRecorder, type RecorderOptions } from "../../dist/record/recorder.js";
import { ledgerOf, recover, spoolFiles, stored, upTo, type World, world } from "./world.ts";

function recorderIn(here: World, options: Partial<RecorderOptions> = {}) {
  return createRecorder({ spool: here.spool, store: here.db, warn: false, ...options });
}

function message(n: number, more: object = {}): Happening {
  return { kind: "message", sessionId: "s", role: "user", content: `${n} text`, ...more };
}

describe("record()", () => {
  test("answers the id, and what it took stands in the store after flush", async () => {
    using here = world();
    await using recorder = recorderIn(here);
    recorder.record({ kind: "session", id: "s", agentType: "planning", model: "m" });
    const id = recorder.record(message(1));
    expect(recorder.record(message(2, { id: "mine" }))).toBe("mine");
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(await recorder.flush()).toEqual({ noted: 3, written: 3, spooled: 0, dropped: 0, reasons: {} });
    expect((await stored(here, "s")).numbers).toEqual([1, 2]);
  });

  test("leaves the happening as it was", async () => {
    using here = world();
    await using recorder = recorderIn(here, { drain: false });
    const happening = Object.freeze({ ...message(1), metadata: Object.freeze({ token: "x" }) });
    expect(recorder.record(happening)).toBeDefined();
    expect(Object.keys(happening)).toEqual(["kind", "sessionId", "role", "content", "metadata"]);
  });

  test("takes nothing that is not a happening, says why, and never throws", async () => {
    using here = world();
    await using recorder = recorderIn(here);
    const cyclic: Record<string, unknown> = { kind: "message", sessionId: "s", role: "user" };
    cyclic["metadata"] = cyclic;
    const deep: unknown[] = [];
    let inner = deep;
    for (let n = 0; n < 20_000; n++) {
      const next: unknown[] = [];
      inner.push(next);
      inner = next;
    }
    const throwing = (trap: object) => new Proxy(message(1), trap);
    const no = () => {
      throw new Error("no");
    };
    const hostile: Array<readonly [unknown, string]> = [
      [cyclic, "a cycle"],
      [message(1, { metadata: 10n }), "a BigInt"],
      [
        Object.defineProperty({ ...message(1) }, "content", { enumerable: true, get: no }),
        "cannot be read as JSON",
      ],
      [message(1, { content: "x".repeat(20 * 1024 * 1024) }), "larger than 16 MiB"],
      [throwing({ get: no }), "cannot be read as JSON"],
      [throwing({ ownKeys: no }), "cannot be read as JSON"],
      [message(1, { metadata: deep }), "too deep or too large for JSON"],
      [message(1, { toJSON: () => undefined }), "not an object"],
      [undefined, "not an object"],
      [null, "not an object"],
      ["text", "not an object"],
      [[message(1)], "unknown kind"],
      [{ kind: "shout" }, "unknown kind"],
      [{ kind: "session" }, "a session without an id"],
      [{ kind: "message", role: "user" }, "a message without a sessionId"],
      [{ kind: "message", sessionId: "s", role: "" }, "a message without a role"],
      [{ kind: "toolExecution", sessionId: "s" }, "a toolExecution without a toolName"],
      [{ kind: "modelCall", sessionId: "s", model: 7 }, "a modelCall without a model"],
    ];
    const reasons: Record<string, number> = {};
    for (const [given, reason] of hostile) {
      // What a JavaScript program may pass.
      expect(recorder.record(given as Happening), reason).toBeUndefined();
      reasons[reason] = (reasons[reason] ?? 0) + 1;
    }
    recorder.record(message(1));
    const tally = await recorder.flush();
    expect(tally).toEqual({
      noted: hostile.length + 1,
      written: 1,
      spooled: 0,
      dropped: hostile.length,
      reasons,
    });
  });

  test("what a revoked Proxy or a strange value does is counted too", async () => {
    using here = world();
    await using recorder = recorderIn(here, { drain: false });
    const { proxy, revoke } = Proxy.revocable(message(1), {});
    revoke();
    expect(recorder.record(proxy)).toBeUndefined();
    expect(recorder.tally).toMatchObject({ noted: 1, dropped: 1 });
  });

  test("a value that the store refuses is counted, and holds up nobody", async () => {
    using here = world();
    await using recorder = recorderIn(here);
    recorder.record(message(1));
    recorder.record(message(2, { createdAt: "not a date" }));
    recorder.record(message(3));
    const tally = await recorder.flush();
    expect(tally).toEqual({
      noted: 3,
      written: 2,
      spooled: 0,
      dropped: 1,
      reasons: { "refused by the store": 1 },
    });
    expect((await stored(here, "s")).numbers).toEqual([1, 3]);
  });

  test("secrets are gone before the disk, and the store never sees them", async () => {
    using here = world();
    await using recorder = recorderIn(here, { drain: false, redact: { literals: ["my-own-secret"] } });
    const secret = `ghp_${"a1B2".repeat(9)}`;
    recorder.record(message(1, { content: `1 my-own-secret\n${secret}`, metadata: { password: "pw" } }));
    const [file = ""] = spoolFiles(here);
    const bytes = readFileSync(join(here.spool, file), "latin1");
    expect(bytes).not.toMatch(/my-own-secret|ghp_|"pw"/);
    expect(recorder.redactions).toEqual({ env: 1, "github-token": 1, "secret-field": 1 });
    await recorder.close();
    await recover(here);
    expect((await stored(here, "s")).numbers).toEqual([1]);
  });

  test("NUL, lone surrogates and any text come back as they were", async () => {
    using here = world();
    const texts = ["1 \u0000 \ud800 é 漢字 🎉", '2 \u2028\u2029 \\ " \n\r\t \u001b[31m', "3 \udfff"];
    await using recorder = recorderIn(here);
    for (const content of texts) recorder.record(message(0, { content }));
    await recorder.flush();
    const { open } = await import("../../dist/index.js");
    await using loci = await open(here.db);
    expect((await loci.sessions.messages("s")).map((row) => row.content)).toEqual(texts);
  });

  test("a clock that jumps back reorders nothing, and no duration is negative", async () => {
    using here = world();
    let now = Date.parse("2026-03-29T02:30:00Z");
    await using recorder = recorderIn(here, { now: () => now });
    for (const n of upTo(20)) {
      recorder.record(message(n));
      recorder.record({
        kind: "toolExecution",
        id: `t${n}`,
        sessionId: "s",
        toolName: "run",
        status: "running",
      });
      now += n % 2 === 0 ? 3_600_000 : -3_600_000;
      recorder.record({
        kind: "toolExecution",
        id: `t${n}`,
        sessionId: "s",
        toolName: "run",
        status: "completed",
      });
    }
    await recorder.flush();
    expect((await stored(here, "s")).numbers).toEqual(upTo(20));
    const { open } = await import("../../dist/index.js");
    await using loci = await open(here.db);
    const tools = await loci.sessions.toolExecutions("s");
    expect(tools).toHaveLength(20);
    expect(tools.filter((tool) => (tool.durationMs ?? -1) < 0)).toEqual([]);
  });
});

describe("the numbers", () => {
  test("noted = written + spooled + dropped at any moment of a burst of 20,000", async () => {
    using here = world();
    await using recorder = recorderIn(here);
    let looked = 0;
    const look = () => {
      const { noted, written, spooled, dropped } = recorder.tally;
      expect(noted).toBe(written + spooled + dropped);
      expect(spooled).toBeGreaterThanOrEqual(0);
      looked++;
    };
    for (const n of upTo(20_000)) {
      recorder.record(n % 100 === 0 ? ({ kind: "nothing" } as unknown as Happening) : message(n));
      if (n % 500 === 0) {
        look();
        await new Promise(setImmediate);
      }
    }
    const waiting = recorder.flush();
    while (recorder.tally.spooled > 0) {
      look();
      await new Promise(setImmediate);
    }
    await waiting;
    expect(looked).toBeGreaterThan(40);
    expect(recorder.tally).toMatchObject({ noted: 20_000, written: 19_800, spooled: 0, dropped: 200 });
    expect((await stored(here, "s")).numbers).toHaveLength(19_800);
    expect(await ledgerOf(here)).toMatchObject([
      { noted: 20_000, written: 19_800, dropped: 200, reasons: { "unknown kind": 200 } },
    ]);
  });

  test("after close nothing is taken, and closing twice is fine", async () => {
    using here = world();
    const recorder = recorderIn(here);
    recorder.record(message(1));
    const [first, second] = await Promise.all([recorder.close(), recorder.close()]);
    expect(first).toEqual({ noted: 1, written: 1, spooled: 0, dropped: 0, reasons: {} });
    expect(second).toBe(first);
    expect(recorder.record(message(2))).toBeUndefined();
    expect(recorder.tally).toMatchObject({ noted: 2, dropped: 1, reasons: { closed: 1 } });
    expect(spoolFiles(here)).toEqual([]);
  });

  test("a recorder that was given nothing makes no file and no folder", async () => {
    using here = world();
    const recorder = recorderIn(here);
    expect(await recorder.close()).toEqual({ noted: 0, written: 0, spooled: 0, dropped: 0, reasons: {} });
    expect(statSync(here.spool, { throwIfNoEntry: false })).toBeUndefined();
    expect(statSync(here.db, { throwIfNoEntry: false })).toBeUndefined();
  });
});
