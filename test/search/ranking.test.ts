import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSegmentBuilder } from "../../dist/domains/search/builder.js";
import { filtersOf } from "../../dist/domains/search/filter.js";
import { createPageReader } from "../../dist/domains/search/pages.js";
import { parseQuery } from "../../dist/domains/search/query.js";
import { rank } from "../../dist/domains/search/rank.js";
import { createViews } from "../../dist/domains/search/view.js";
import { writeSegment } from "../../dist/domains/search/write.js";
import type { Engine } from "../../dist/engine/engine.js";
import { createMemoryEngine } from "../../dist/engine/memory.js";
import { searchSchema } from "../../dist/model/schema.js";
import { rankAll, type ReferenceDocument } from "./reference.ts";
import { start } from "./support.ts";

const session = { id: "s", projectPath: null, agentType: "a", agentId: null };
const vocabulary = Array.from({ length: 40 }, (_, i) => `w${"bcdfghklmnprtvz"[i % 15]}${"aou"[i % 3]}${i}x`);

/** Few words are common and most are rare, as in any text. */
const word = fc.nat({ max: 999 }).map((n) => vocabulary[Math.floor(40 * (n / 1000) ** 3)] ?? "w");
const text = fc.array(word, { minLength: 1, maxLength: 60 }).map((words) => words.join(" "));

function documentsOf(texts: readonly string[]): ReferenceDocument[] {
  return texts.map((one, i) => ({ id: `d${i}`, place: String(i), time: start + (i % 7), text: one }));
}

/** An index of these documents in so many segments. */
async function indexOf(documents: readonly ReferenceDocument[], segments: number): Promise<Engine> {
  const index = createMemoryEngine();
  await index.prepare(searchSchema);
  const builder = createSegmentBuilder();
  const size = Math.ceil(documents.length / segments);
  for (let from = 0; from < documents.length; from += size) {
    for (const { id, place, time, text: content } of documents.slice(from, from + size)) {
      builder.add({
        id,
        kind: "message",
        session,
        sequence: Number(place) + 1,
        role: "user",
        time,
        toolName: null,
        isError: false,
        texts: [content],
      });
    }
    await writeSegment(index, { built: builder.build(), tier: 0, createdAt: start + from, replaces: [] });
  }
  return index;
}

async function topOf(
  index: Engine,
  words: string,
  limit: number,
): Promise<Array<{ place: string; score: number }>> {
  const pages = createPageReader(index, 1 << 20);
  const view = await createViews(index, pages).current();
  const parsed = parseQuery(words, start);
  const { ranked } = await rank({ view, pages }, parsed, { limit, filters: filtersOf(parsed, {}) });
  return ranked.map((one) => ({
    place: String((view.columns[one.segment]?.sequences[one.document] ?? 0) - 1),
    score: one.score / 65_536,
  }));
}

describe("the ranking", () => {
  test("is the one that scoring every match gives, for words, in any number of segments", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 12, maxLength: 120 }),
        fc.array(word, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 4 }),
        async (texts, words, segments) => {
          const documents = documentsOf(texts);
          const index = await indexOf(documents, segments);
          const expected = rankAll(documents, { terms: words });
          expect(await topOf(index, words.join(" "), 10)).toEqual(expected.slice(0, 10));
          expect(await topOf(index, words.join(" "), 1000)).toEqual(expected);
          compared += expected.length;
        },
      ),
      { numRuns: 60 },
    );
    expect(compared).toBeGreaterThan(500);
  });

  test("is the one that scoring every match gives, for phrases with words", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 20, maxLength: 120 }),
        fc.nat(),
        fc.array(word, { maxLength: 3 }),
        async (texts, seed, words) => {
          const source = (texts[seed % texts.length] ?? "").split(" ");
          const at = seed % source.length;
          const phrase = source.slice(at, at + 2);
          const documents = documentsOf(texts);
          const index = await indexOf(documents, 3);
          const expected = rankAll(documents, { terms: words, phrases: [phrase] });
          expect(await topOf(index, `"${phrase.join(" ")}" ${words.join(" ")}`, 5)).toEqual(
            expected.slice(0, 5),
          );
          compared += expected.length;
        },
      ),
      { numRuns: 60 },
    );
    expect(compared).toBeGreaterThan(60);
  });

  test("keeps the first ten of many documents, where whole blocks are skipped", async () => {
    const texts = fc.sample(text, { numRuns: 6000, seed: 5 });
    const documents = documentsOf(texts);
    const index = await indexOf(documents, 2);
    const [most = "", second = ""] = vocabulary;
    for (const terms of [
      [most],
      [second],
      vocabulary.slice(0, 6),
      vocabulary.slice(20, 40),
      [most, "w", "none"],
    ]) {
      const expected = rankAll(documents, { terms });
      expect(expected.length).toBeGreaterThan(1000);
      expect(await topOf(index, terms.join(" "), 10)).toEqual(expected.slice(0, 10));
    }
    const phrase = rankAll(documents, { terms: [], phrases: [[most, second]] });
    expect(phrase.length).toBeGreaterThan(10);
    expect(await topOf(index, `"${most} ${second}"`, 10)).toEqual(phrase.slice(0, 10));
  });
});
