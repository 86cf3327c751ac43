import { beforeEach, expect } from "vitest";
import { createKnowledge, type Knowledge } from "../../dist/domains/knowledge.js";
import { askKnowledge, rankKnowledge } from "../../dist/domains/knowledge-rank.js";
import { insert, remove } from "../../dist/engine/engine.js";
import { newId } from "../../dist/model/id.js";
import { knowledge as rows, type Knowledge as Row } from "../../dist/model/knowledge.js";
import { knowledgeIndex, knowledgeSegments, knowledgeTerms } from "../../dist/model/knowledge-index.js";
import { onEachBackend } from "./backends.ts";

const words = "region cache pool retry token index segment merge worker claim lease fence drain spool".split(
  " ",
);

await onEachBackend("the index of knowledge", ({ it, engine, clock, now }) => {
  let knowledge: Knowledge;
  let random: () => number;

  beforeEach(() => {
    knowledge = createKnowledge(engine(), { now });
    let state = 7;
    random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  });

  const word = () => words[Math.floor(random() ** 2 * words.length)] ?? "";
  /** As another program would write it. */
  const row = (i: number, given: Partial<Row> = {}): Row => ({
    id: newId((clock.at += 1_000)),
    category: `c${i % 3}`,
    topic: `${word()} ${i}`,
    content: Array.from({ length: 4 + Math.floor(random() * 12) }, word).join(" "),
    tags: i % 4 === 0 ? ["Fourth"] : [],
    metadata: null,
    agentId: `a${i % 2}`,
    sessionId: null,
    messageId: null,
    supersedes: null,
    uses: 0,
    createdAt: clock.at,
    updatedAt: clock.at,
    ...given,
  });
  const write = async (list: readonly Row[]) => void (await engine().write([insert(rows, list)]));
  const count = async (collection: typeof knowledgeIndex | typeof knowledgeSegments) =>
    (await engine().rollup(collection as typeof knowledgeIndex, { by: [], measures: { count: "count" } }))[0]
      ?.count;

  it("finds the last of more new entries than become one segment", async () => {
    const many = Array.from({ length: 4_200 }, (_, i) => row(i, { content: `entry number${i}` }));
    for (let at = 0; at < many.length; at += 600) await write(many.slice(at, at + 600));
    const found = await knowledge.search("number4199");
    expect(found.items[0]?.id).toBe(many.at(-1)?.id);
  });

  it("finds what ranking every entry finds, while segments are made and merged", async () => {
    const all: Row[] = [];
    for (let round = 0; round < 10; round++) {
      const some = Array.from({ length: 130 }, (_, i) => row(round * 130 + i));
      await write(some);
      all.push(...some);
      const asked = askKnowledge("region retry", clock.at);
      const expected = rankKnowledge(
        all.map((one) => ({ ...one, tags: one.tags as string[] })),
        asked,
      );
      const found = await knowledge.search("region retry");
      expect(found.items.map(({ id, score }) => ({ id, score }))).toEqual(
        expected.slice(0, 10).map(({ row: { id }, score }) => ({ id, score })),
      );
      expect(found.total).toBe(expected.length);
    }
    expect(await count(knowledgeIndex)).toBe(1_300);
    // Eight became one.
    expect(await count(knowledgeSegments)).toBe(3);
    const found = await knowledge.search("cache", { category: "c1", agentId: "a1", tags: ["fourth"] });
    expect(found.items).toEqual([]);
    const some = await knowledge.search("cache agent:a0", { category: "c1", tags: ["FOURTH"], limit: 100 });
    const passing = all.filter((one, i) => i % 12 === 4 && /cache/.test(`${one.topic} ${one.content}`));
    expect(some.items.map(({ id }) => id).sort()).toEqual(passing.map(({ id }) => id).sort());
    expect(some).toMatchObject({ total: passing.length, isCounted: true });
    expect((await knowledge.search("cach*", { limit: 1 })).total).toBeGreaterThan(passing.length);
    expect((await knowledge.search('"region region region"')).total).toBeGreaterThan(0);
  });

  it("what another program wrote, superseded and removed is found as it is", async () => {
    const many = Array.from({ length: 140 }, (_, i) => row(i));
    await write(many);
    expect((await knowledge.search("region")).total).toBeGreaterThan(0);
    const old = row(0, { content: "the unicorn sleeps" });
    await write([old]);
    expect((await knowledge.search("unicorn")).items.map(({ id }) => id)).toEqual([old.id]);
    const newer = row(0, { content: "the unicorn wakes", supersedes: old.id, createdAt: 0 });
    await write([newer]);
    expect((await knowledge.search("unicorn")).items.map(({ id }) => id)).toEqual([newer.id]);
    await engine().write([remove(rows, { id: newer.id })]);
    expect((await knowledge.search("unicorn")).items.map(({ id }) => id)).toEqual([old.id]);
    expect(await knowledge.add({ category: old.category, topic: old.topic, content: old.content })).toEqual(
      old,
    );
  });

  it("an entry that is taken away takes the words that only it had along", async () => {
    await write(Array.from({ length: 140 }, (_, i) => row(i)));
    const secret = await knowledge.add({ category: "c", topic: "region", content: "hunter xyzzy" });
    const twin = await knowledge.add({ category: "c", topic: "region", content: "xyzzy again" });
    await write(Array.from({ length: 140 }, (_, i) => row(i)));
    for (let i = 0; i < 2; i++) await knowledge.search("region");
    const terms = async (term: string) =>
      (await engine().find(knowledgeTerms)).filter(({ id }) => id.endsWith(`\u001f${term}`)).length;
    expect([await terms("xyzzi"), (await terms("region")) > 0]).toEqual([1, true]);
    await knowledge.remove(secret.id);
    expect([await terms("hunter"), await terms("xyzzi")]).toEqual([0, 1]);
    expect((await knowledge.search("xyzzy hunter")).items.map(({ id }) => id)).toEqual([twin.id]);
    await knowledge.remove(twin.id);
    expect([await terms("xyzzi"), (await terms("region")) > 0]).toEqual([0, true]);
  });

  it("of several searches that make a segment at once, one does", async () => {
    await write(Array.from({ length: 300 }, (_, i) => row(i)));
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => createKnowledge(engine(), { now }).search("region", { limit: 300 })),
    );
    const { total } = await knowledge.search("region", { limit: 300 });
    expect(total).toBeGreaterThan(100);
    expect(answers.map((answer) => answer.total)).toEqual(answers.map(() => total));
    expect(await count(knowledgeSegments)).toBe(1);
  });
});
