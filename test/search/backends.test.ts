import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { needs } from "../support/needs.ts";
import { conversations, questions } from "./conversations.ts";
import {
  fileStore,
  memoryStore,
  postgresStore,
  said,
  session,
  shown,
  start,
  type TestStore,
} from "./support.ts";

const server: PostgresServer = await startPostgres();
afterAll(() => server.stop());

const asked: readonly string[] = [
  ...questions.filter((_, i) => i % 3 === 0).map(([question]) => question),
  "retry",
  '"no deadline"',
  "time*",
  "role:user how",
  "memory -leak",
  "project:shop payment",
  "tool:bash is:error",
  "東京",
  "the",
  "NEAR( content: '; drop table",
];

async function fill(store: TestStore): Promise<void> {
  for (const [id, text] of Object.entries(conversations)) {
    await store.write([
      session(id, { projectPath: `/home/me/${id.length % 2 ? "shop" : "lab"}` }),
      ...said(id, text.split("\n")),
    ]);
    // Fed in pieces, so that there are several segments.
    await store.search.catchUp();
  }
  await store.write([
    ...said("checkout-timeouts", ["東京 NUL \u0000 and half a sign \ud83d"], 13),
    {
      kind: "toolExecution",
      id: "t1",
      sessionId: "checkout-timeouts",
      messageId: "checkout-timeouts-2",
      toolName: "Bash",
      input: { command: "npm test" },
      error: "Error: timeout of 2000ms exceeded",
      status: "error",
      startedAt: start + 99_000,
    },
  ]);
  await store.search.catchUp();
}

async function answers(store: TestStore): Promise<string[]> {
  const all: string[] = [];
  for (const words of asked) {
    const first = await store.search.search(words, { limit: 7 });
    const second = first.next
      ? await store.search.search(words, { limit: 7, after: first.next })
      : { items: [] };
    all.push(`${words}: ${first.total} ${first.lag}`, ...shown(first.items), ...shown(second.items));
  }
  return all;
}

describe("the same questions have the same answers", () => {
  test("in a file as in memory", async () => {
    await using memory = await memoryStore();
    await using file = await fileStore();
    await fill(memory);
    await fill(file);
    const expected = await answers(memory);
    expect(expected.length).toBeGreaterThan(asked.length * 5);
    expect(await answers(file)).toEqual(expected);
  });

  test("in PostgreSQL as in memory", async (context) => {
    needs(context, server.missing === undefined, server.missing ?? "");
    await using memory = await memoryStore();
    await using postgres = await postgresStore(await server.database());
    await fill(memory);
    await fill(postgres);
    expect(await answers(postgres)).toEqual(await answers(memory));
  });

  test("however the index was fed, merged or made anew", async () => {
    const texts = fc.sample(fc.lorem({ maxCount: 40 }), { numRuns: 120, seed: 3 });
    const words = ["lorem", "ipsum dolor", '"sit amet"', "magna aliqua ut enim veniam", "con*"];
    const all: string[][] = [];
    for (const pieces of [1, 3, 40]) {
      await using store = await memoryStore();
      for (let i = 0; i < pieces; i++) {
        const size = 120 / pieces;
        await store.write(said("s", texts.slice(i * size, (i + 1) * size), i * size + 1));
        await store.search.catchUp();
      }
      const ask = async (): Promise<string[]> => {
        const found = await Promise.all(words.map((word) => store.search.search(word, { limit: 20 })));
        return found.flatMap(({ items }) => shown(items));
      };
      all.push(await ask());
      await store.search.rebuild();
      all.push(await ask());
    }
    expect(all[0]?.length).toBeGreaterThan(50);
    for (const one of all) expect(one).toEqual(all[0]);
  });
});
