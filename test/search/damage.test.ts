import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createSegmentBuilder } from "../../dist/domains/search/builder.js";
import { createSearch } from "../../dist/domains/search/search.js";
import { type Engine, remove, update } from "../../dist/engine/engine.js";
import { LociError } from "../../dist/errors.js";
import { pendingSearch, searchBlocks, searchSegments, searchState } from "../../dist/model/search.js";
import { searchSchema } from "../../dist/model/schema.js";
import { openStore } from "../../dist/store.js";
import { fileStore, memoryStore, places, said, session, start, type TestStore } from "./support.ts";

const texts = ["the needle is here", "hay and more hay", "another needle"];

async function filled(): Promise<TestStore> {
  const store = await memoryStore();
  await store.write([session("s"), ...said("s", texts)]);
  await store.search.catchUp();
  return store;
}

async function needles(store: Pick<TestStore, "search">): Promise<string[]> {
  return places((await store.search.search("needle")).items).sort();
}

/** An engine that dies when rows of a collection are to be removed: everything before it is done, nothing after it. */
function dying(engine: Engine, isLast: (collection: string) => boolean): Engine {
  let dead = false;
  return {
    ...engine,
    async write(changes) {
      const isNow = changes.some((change) => change.kind === "remove" && isLast(change.from.name));
      if (dead || isNow) {
        dead = true;
        throw new Error("killed");
      }
      return engine.write(changes);
    },
  };
}

describe("the index", () => {
  test("shows a document that stands in two segments once, the newer one", async () => {
    await using store = await filled();
    await store.write([
      {
        kind: "toolExecution",
        id: "t",
        sessionId: "s",
        messageId: "s-2",
        toolName: "Bash",
        output: "old needle",
      },
    ]);
    await store.search.catchUp();
    expect(await needles(store)).toEqual(["s/1", "s/2", "s/3"]);
    await store.write([{ kind: "toolExecution", id: "t", sessionId: "s", toolName: "Bash", output: "pin" }]);
    await store.search.catchUp();
    expect(await needles(store)).toEqual(["s/1", "s/3"]);
    expect(places((await store.search.search("pin")).items)).toEqual(["s/2"]);
  });

  test("loses and doubles nothing when its writer dies between the segment and the to-do list", async () => {
    await using store = await memoryStore();
    await store.search.catchUp();
    await store.write([session("s"), ...said("s", texts)]);
    const broken = dying(store.store, (name) => name === "search_pending");
    await expect(
      createSearch({ store: broken, index: store.index, now: () => start }).catchUp(),
    ).rejects.toThrow("killed");
    expect(await store.index.find(searchSegments)).toHaveLength(1);
    expect(await store.search.lag()).toBe(3);
    // The lease of the dead one ends.
    const later = createSearch({ store: store.store, index: store.index, now: () => start + 3_600_000 });
    expect(await later.catchUp()).toMatchObject({ messages: 3 });
    expect(await needles({ search: later })).toEqual(["s/1", "s/3"]);
    const { items, total } = await later.search("needle");
    expect(items).toHaveLength(2);
    expect(total).toBe(2);
    expect(await later.lag()).toBe(0);
  });

  test("takes away the pages of a writer that died before its segment was whole", async () => {
    await using store = await filled();
    await store.search.rebuild();
    const old = {
      id: "01900000-0000-7000-8000-000000000000/00000",
      segment: "01900000-0000-7000-8000-000000000000",
    };
    await store.index.write([
      { kind: "insert", into: searchBlocks, rows: [{ ...old, data: new Uint8Array(9) }] },
    ]);
    const next = createSearch({ store: store.store, index: store.index });
    await next.catchUp();
    expect(await store.index.find(searchBlocks, { where: { segment: old.segment } })).toEqual([]);
    expect(await needles({ search: next })).toEqual(["s/1", "s/3"]);
  });

  test.each<[string, (index: Engine) => Promise<unknown>]>([
    [
      "emptied",
      (index) => index.write([remove(searchSegments, {}), remove(searchBlocks, {}), remove(searchState, {})]),
    ],
    ["of another version", (index) => index.write([update(searchState, { id: "format" }, { value: "0" })])],
    ["another store's", (index) => index.write([update(searchState, { id: "store" }, { value: "other" })])],
    ["without its pages", (index) => index.write([remove(searchBlocks, {})])],
    ["of garbage pages", (index) => index.write([update(searchBlocks, {}, { data: randomBytes(4000) })])],
    ["of empty pages", (index) => index.write([update(searchBlocks, {}, { data: new Uint8Array(0) })])],
    [
      "of garbage directories",
      (index) => index.write([update(searchSegments, {}, { directory: randomBytes(60) })]),
    ],
  ])("%s is made again, and the searcher sees no error", async (_, damage) => {
    await using store = await filled();
    await damage(store.index);
    const next = createSearch({ store: store.store, index: store.index });
    expect(await needles({ search: next })).toEqual(["s/1", "s/3"]);
    expect(await next.lag()).toBe(0);
  });

  test("whose file was deleted or overwritten is made again", async () => {
    const folder = mkdtempSync(join(tmpdir(), "loci-search-"));
    {
      await using store = await fileStore(folder);
      await store.write([session("s"), ...said("s", texts)]);
      expect(await needles(store)).toEqual(["s/1", "s/3"]);
    }
    const index = join(folder, "loci.search.db");
    for (const damage of [() => rmSync(index), () => writeFileSync(index, randomBytes(50_000))]) {
      for (const suffix of ["-wal", "-shm"]) rmSync(index + suffix, { force: true });
      damage();
      await using store = await openStore(join(folder, "loci.db"));
      const search = createSearch({ store: store.engine, index: await store.index() });
      expect(await needles({ search })).toEqual(["s/1", "s/3"]);
    }
    rmSync(folder, { recursive: true, force: true });
  });

  test("keeps small segments few, and answers the same", async () => {
    await using store = await memoryStore();
    for (let i = 0; i < 40; i++) {
      await store.write([session(`s${i}`), ...said(`s${i}`, [`needle number${i}`, "hay"])]);
      await store.search.catchUp();
    }
    expect((await store.index.find(searchSegments)).length).toBeLessThan(16);
    expect((await store.search.search("needle", { limit: 100 })).items).toHaveLength(40);
    expect(places((await store.search.search("number17")).items)[0]).toBe("s17/1");
    expect(places((await store.search.search('"number17"')).items)).toEqual(["s17/1"]);
    const owners = new Set(
      (await store.index.find(searchBlocks, { fields: ["segment"] })).map((row) => row.segment),
    );
    expect(owners.size).toBe((await store.index.find(searchSegments)).length);
  });

  test("takes in segments that were built elsewhere", async () => {
    await using store = await memoryStore();
    await store.write([session("s"), ...said("s", texts)]);
    const pending = (await store.store.find(pendingSearch)).map(({ id }) => id);
    const builder = createSegmentBuilder();
    texts.forEach((text, i) => {
      builder.add({
        id: `s-${i + 1}`,
        kind: "message",
        session: { id: "s", projectPath: null, agentType: "x", agentId: null },
        sequence: i + 1,
        role: "user",
        time: start,
        toolName: null,
        isError: false,
        texts: [text],
      });
    });
    const built = structuredClone(builder.build());
    await store.search.addSegments([built], pending);
    expect(await store.search.lag()).toBe(0);
    expect(await needles(store)).toEqual(["s/1", "s/3"]);
  });

  test("of several writers at once has every message once", async () => {
    await using store = await memoryStore();
    for (let i = 0; i < 60; i++) await store.write([session(`s${i}`), ...said(`s${i}`, ["needle", "hay"])]);
    const writers = [1, 2, 3].map(() => createSearch({ store: store.store, index: store.index }));
    const done = await Promise.all(writers.map((writer) => writer.catchUp()));
    expect(done.reduce((sum, { messages }) => sum + messages, 0)).toBe(120);
    const { items, total } = await store.search.search("needle", { limit: 100 });
    expect(new Set(places(items)).size).toBe(60);
    expect([items.length, total]).toEqual([60, 60]);
  });

  test("stops when its time is over, and goes on where it stopped", async () => {
    await using store = await memoryStore();
    await store.write([
      session("s"),
      ...said(
        "s",
        Array.from({ length: 1800 }, (_, i) => `needle number${i}`),
      ),
    ]);
    const first = await store.search.catchUp({ budget: 0 });
    expect(first.messages).toBe(0);
    const controller = new AbortController();
    const second = await store.search.catchUp({
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    expect(second.messages).toBe(500);
    expect(await store.search.lag()).toBe(1300);
    expect(await store.search.catchUp()).toMatchObject({ messages: 1300 });
    expect((await store.search.search("needle")).total).toBe(1800);
  });

  test("needs nothing but its schema", async () => {
    await using store = await memoryStore();
    await store.index.prepare(searchSchema);
    expect(await store.search.search("anything")).toEqual({ items: [], next: null, total: 0, lag: 0 });
  });
});

test("where nothing can be written, a search answers from what is there and shows what is missing", async () => {
  await using store = await filled();
  await store.write(said("s", ["a third needle"]).map((row) => ({ ...row, id: "late", sequence: 9 })));
  const frozen: Engine = {
    ...store.store,
    take: () => Promise.reject(new LociError("permission", "The disk is read-only.")),
  };
  const { items, lag } = await createSearch({ store: frozen, index: store.index, now: () => start }).search(
    "needle",
  );
  expect(places(items)).toHaveLength(2);
  expect(lag).toBe(1);
});
