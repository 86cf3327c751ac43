import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createPrices, listPrices, modelFamily, pricesDate } from "../../dist/domains/prices.js";

const call = {
  model: "claude-opus-4-5",
  inputTokens: 1_000_000,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  metadata: null,
  startedAt: Date.parse("2026-01-01"),
};

describe("a model's many names are one", () => {
  test.each([
    ["claude-opus-4-5-20251101", "claude-opus-4-5"],
    ["us.anthropic.claude-opus-4-5-20251101-v1:0", "claude-opus-4-5"],
    ["anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-sonnet-3-5"],
    ["global.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"],
    ["claude-opus-4-5@20251101", "claude-opus-4-5"],
    ["anthropic/claude-opus-4.5", "claude-opus-4-5"],
    ["openrouter/anthropic/claude-3.7-sonnet:thinking", "claude-sonnet-3-7"],
    ["claude-sonnet-4-20250514[1m]", "claude-sonnet-4"],
    ["claude-3-haiku-20240307", "claude-haiku-3"],
    ["claude-3-5-haiku-latest", "claude-haiku-3-5"],
    ["claude-opus-4-0", "claude-opus-4"],
    ["gpt-4.1-2025-04-14", "gpt-4.1"],
    ["openai/gpt-5-mini", "gpt-5-mini"],
    ["models/gemini-2.0-flash", "gemini-2.0-flash"],
    ["claude-fable-9", "claude-fable-9"],
  ])("%s is %s", (name, family) => {
    expect(modelFamily(name)).toBe(family);
    expect(modelFamily(family)).toBe(family);
  });
});

describe("the cost of a call", () => {
  test("is the sum of its parts, each tier of the cache at its own price", () => {
    const { costOf } = createPrices();
    expect(costOf(call)).toBe(5);
    expect(costOf({ ...call, outputTokens: 1_000_000 })).toBe(30);
    expect(costOf({ ...call, inputTokens: 0, cacheReadTokens: 1_000_000 })).toBe(0.5);
    expect(costOf({ ...call, inputTokens: 0, cacheWriteTokens: 1_000_000 })).toBe(6.25);
    const half = {
      ...call,
      inputTokens: 0,
      cacheWriteTokens: 1_000_000,
      metadata: { cacheWrite1h: 500_000 },
    };
    expect(costOf(half)).toBe(3.125 + 5);
  });

  test("is unknown, never zero, for a model without a price, and zero where nothing was called", () => {
    const { costOf } = createPrices();
    expect(costOf({ ...call, model: "claude-fable-9" })).toBeNull();
    expect(costOf({ ...call, model: "claude-fable-9", inputTokens: 0 })).toBe(0);
    expect(costOf({ ...call, model: "<synthetic>" })).toBe(0);
  });

  test("is that of its day", () => {
    const { costOf } = createPrices();
    const o3 = { ...call, model: "o3" };
    expect(costOf({ ...o3, startedAt: Date.parse("2025-05-01") })).toBe(10);
    expect(costOf({ ...o3, startedAt: Date.parse("2025-06-10") })).toBe(2);
    expect(costOf({ ...o3, startedAt: 0 })).toBe(10);
  });

  test("follows the user's own price", () => {
    const { costOf, priceOf } = createPrices({
      "Claude-Fable-9": { input: 3, output: 15 },
      "gpt-5": { input: 0, output: 0 },
    });
    expect(costOf({ ...call, model: "claude-fable-9-20270101" })).toBe(3);
    expect(costOf({ ...call, model: "gpt-5" })).toBe(0);
    expect(priceOf("claude-fable-9", 0)).toEqual({
      input: 3,
      output: 15,
      cacheWrite5m: 3.75,
      cacheWrite1h: 6,
      cacheRead: 0.3,
      own: true,
    });
    expect(priceOf("claude-opus-4-5", call.startedAt)?.own).toBe(false);
    expect(priceOf("nobody", 0)).toBeNull();
  });
});

test("the docs have every price and its day", () => {
  const page = readFileSync(new URL("../../docs/costs.md", import.meta.url), "utf8");
  expect(listPrices.length).toBeGreaterThan(20);
  expect(page).toContain(pricesDate);
  for (const { model, from, input, output, cacheWrite5m, cacheWrite1h, cacheRead } of listPrices) {
    expect(page).toContain(
      `| ${model} | ${from} | ${input} | ${output} | ${cacheWrite5m} | ${cacheWrite1h} | ${cacheRead} |`,
    );
  }
  for (const { model } of listPrices) expect(modelFamily(model)).toBe(model);
});
