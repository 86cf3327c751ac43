import { afterAll, beforeAll, expect, test } from "vitest";
import { type Loci, open } from "../../dist/index.js";
import { makeWorld } from "./world.ts";

const world = makeWorld();
let loci: Loci;
beforeAll(async () => {
  await world.seed([]);
  loci = await open(world.store);
  const { cache } = loci;
  for (const id of [1, 2, 3]) {
    await cache.getOrSet(`user:${id}`, () => ({ id }), { tags: ["team:7"], ttl: 3_600_000 });
  }
  await cache.set("rates/eur", 1.08, { location: "fra" });
  await cache.getOrSet("nobody", () => undefined);
  await cache.get("user:1");
  await cache.flush();
});
afterAll(async () => {
  await loci.close();
  world.end();
});

const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

test("loci cache stats says what is there, how often it helps and how long values live", async () => {
  const screen = await world.loci(["cache", "stats", "--format", "table"]);
  expect(screen.stdout).toMatch(/^5 entries .*20 % of 5 reads hit/);
  expect(screen.stdout).toMatch(/user:\* +3 +1 +25 % +3 +1\.0 h/);
  expect(screen.stdout).toMatch(/fra +1 +0/);
  expect(json((await world.loci(["cache", "stats", "--json"])).stdout)).toMatchObject({
    v: 1,
    entries: 5,
    expired: 0,
    hits: 1,
    misses: 4,
    loads: 4,
    locations: [{ edgeLocation: "default", accessCount: 1 }, { edgeLocation: "fra" }],
  });
});

test("loci cache ls and get show entries, page by page, and what there is instead", async () => {
  const first = json((await world.loci(["cache", "ls", "user:", "--limit", "2", "--json"])).stdout);
  expect(first["items"]).toHaveLength(2);
  const rest = json(
    (await world.loci(["cache", "ls", "user:", "--after", String(first["next"]), "--json"])).stdout,
  );
  expect(rest).toMatchObject({ items: [{ state: "fresh", tags: ["team:7"] }], next: null });
  const got = await world.loci(["cache", "get", "user:2", "--format", "table"]);
  expect(got.stdout).toContain('"id": 2');
  expect(got.stdout).toContain("given");
  expect(json((await world.loci(["cache", "get", "nobody", "--json"])).stdout)).toMatchObject({
    entry: { value: null, autoTtl: false },
  });
  const elsewhere = await world.loci(["cache", "get", "rates/eur"]);
  expect([elsewhere.code, elsewhere.stderr]).toEqual([
    3,
    expect.stringContaining("loci cache get 'rates/eur' --location fra"),
  ]);
});

test("loci cache clear takes away by tag, by beginning and all; sweep says what it removed", async () => {
  const tagged = await world.loci(["cache", "clear", "--tag", "team:7"]);
  expect(tagged.code).toBe(0);
  expect((await world.loci(["cache", "ls", "user:", "--format", "table"])).stdout).toContain("invalidated");
  expect((await world.loci(["cache", "clear", "user:", "--tag", "x"])).code).toBe(2);
  expect(json((await world.loci(["cache", "clear", "user:", "--json"])).stdout)).toMatchObject({
    cleared: 3,
  });
  expect((await world.loci(["cache", "sweep", "--format", "table"])).stdout).toContain("0 expired");
  expect(json((await world.loci(["cache", "clear", "--json"])).stdout)).toMatchObject({ cleared: 2 });
  const empty = await world.loci(["cache", "ls", "--format", "table"]);
  expect(empty.stderr).toContain("Nothing is cached here");
  // This process had it in memory.
  await expect.poll(() => loci.cache.get("user:1"), { timeout: 5_000 }).toBeUndefined();
});
