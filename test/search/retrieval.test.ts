import { describe, expect, test } from "vitest";
import { conversations, questions } from "./conversations.ts";
import { memoryStore, places, said, session, type TestStore } from "./support.ts";

async function conversationStore(): Promise<TestStore> {
  const store = await memoryStore();
  for (const [id, text] of Object.entries(conversations)) {
    await store.write([session(id), ...said(id, text.split("\n"))]);
  }
  await store.search.catchUp();
  expect(await store.search.lag()).toBe(0);
  return store;
}

/** The share of the evidence turns that are among the first ten, and so on. */
async function recall(store: TestStore, depths: readonly number[]): Promise<number[]> {
  const shares = depths.map(() => 0);
  for (const [question, ...evidence] of questions) {
    const { items } = await store.search.search(question, { limit: 20 });
    const found = places(items);
    depths.forEach((depth, i) => {
      const hits = evidence.filter((place) => found.slice(0, depth).includes(place)).length;
      shares[i] = (shares[i] ?? 0) + hits / evidence.length / questions.length;
    });
  }
  return shares;
}

describe("questions in plain words", () => {
  test("name turns that exist, and there are enough of them", async () => {
    await using store = await conversationStore();
    expect(questions.length).toBeGreaterThanOrEqual(60);
    const { items } = await store.search.search("role:user role:assistant", { limit: 500 });
    const all = new Set(places(items));
    for (const [question, ...evidence] of questions) {
      expect(evidence.length).toBeGreaterThan(0);
      for (const place of evidence) expect(all.has(place), `${question}: ${place}`).toBe(true);
    }
  });

  test("are answered by the turns that hold the evidence", async () => {
    await using store = await conversationStore();
    const [at1 = 0, at5 = 0, at10 = 0, at20 = 0] = await recall(store, [1, 5, 10, 20]);
    const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
    console.log(
      `recall of the evidence over ${questions.length} questions: @1 ${percent(at1)}, @5 ${percent(at5)}, @10 ${percent(at10)}, @20 ${percent(at20)}`,
    );
    expect(at5).toBeGreaterThan(0.7);
    expect(at10).toBeGreaterThan(0.8);
    expect(at20).toBeGreaterThan(0.85);
  });
});
