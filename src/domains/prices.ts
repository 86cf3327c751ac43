import type { ModelCall } from "../model/model-call.ts";

/** US dollars for a million tokens. */
export interface Price {
  readonly input: number;
  readonly output: number;
  /** Written to the cache for five minutes, for an hour, and read from it. */
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly cacheRead: number;
}

export interface ListPrice extends Price {
  /** The model's family: {@link modelFamily} of its names. */
  readonly model: string;
  /** The day from which it holds, as `YYYY-MM-DD` in UTC. Calls before the first day get the first price. */
  readonly from: string;
}

/** What a user says of a model; what is left out of the cache follows the list's usual factors of `input`. */
export type PriceOverride = Pick<Price, "input" | "output"> & Partial<Price>;
export type PriceOverrides = Readonly<Record<string, PriceOverride>>;

/**
 * The day of the table. Claude's prices to 4.6 were compared on it with public copies of Anthropic's list; those of
 * GPT-5.1, GPT-5.2 and Gemini 2.5 and 3 are what most public lists say, which do not all agree; the others stand as they
 * were announced.
 */
export const pricesDate = "2026-11-20";

/** Anthropic's factors: writing for five minutes 1.25, for an hour 2, reading 0.1 of the input price. */
function claude(model: string, from: string, [input, output]: readonly [number, number]): ListPrice {
  return { model, from, input, output, ...cacheFactors(input) };
}

function cacheFactors(input: number): Pick<Price, "cacheWrite5m" | "cacheWrite1h" | "cacheRead"> {
  const of = (factor: number): number => Math.round(input * factor * 1e6) / 1e6;
  return { cacheWrite5m: of(1.25), cacheWrite1h: of(2), cacheRead: of(0.1) };
}

/** Providers that charge nothing for writing to the cache: what was written counts as input. */
function other(
  model: string,
  from: string,
  [input, output, cacheRead]: readonly [number, number, number],
): ListPrice {
  return { model, from, input, output, cacheWrite5m: input, cacheWrite1h: input, cacheRead };
}

/** Public list prices, without discounts, batch rates or long-context surcharges. */
export const listPrices: readonly ListPrice[] = [
  { ...claude("claude-haiku-3", "2024-03-07", [0.25, 1.25]), cacheWrite5m: 0.3, cacheRead: 0.03 },
  claude("claude-sonnet-3", "2024-02-29", [3, 15]),
  claude("claude-opus-3", "2024-02-29", [15, 75]),
  claude("claude-sonnet-3-5", "2024-06-20", [3, 15]),
  claude("claude-haiku-3-5", "2024-10-22", [0.8, 4]),
  claude("claude-sonnet-3-7", "2025-02-24", [3, 15]),
  claude("claude-sonnet-4", "2025-05-22", [3, 15]),
  claude("claude-opus-4", "2025-05-22", [15, 75]),
  claude("claude-opus-4-1", "2025-08-05", [15, 75]),
  claude("claude-sonnet-4-5", "2025-09-29", [3, 15]),
  claude("claude-haiku-4-5", "2025-10-15", [1, 5]),
  claude("claude-opus-4-5", "2025-11-24", [5, 25]),
  claude("claude-opus-4-6", "2026-02-05", [5, 25]),
  claude("claude-sonnet-4-6", "2026-02-17", [3, 15]),
  // Read off what Claude Code 2.1.329 itself counted (`costBasis: list`); it reads from its cache at 0.05.
  { ...claude("claude-opus-5-5", "2026-11-20", [4, 20]), cacheRead: 0.2 },
  other("gpt-4o", "2024-10-01", [2.5, 10, 1.25]),
  other("gpt-4o-mini", "2024-07-18", [0.15, 0.6, 0.075]),
  other("gpt-4.1", "2025-04-14", [2, 8, 0.5]),
  other("gpt-4.1-mini", "2025-04-14", [0.4, 1.6, 0.1]),
  other("gpt-4.1-nano", "2025-04-14", [0.1, 0.4, 0.025]),
  other("o3", "2025-04-16", [10, 40, 2.5]),
  other("o3", "2025-06-10", [2, 8, 0.5]),
  other("o4-mini", "2025-04-16", [1.1, 4.4, 0.275]),
  other("gpt-5", "2025-08-07", [1.25, 10, 0.125]),
  other("gpt-5-codex", "2025-09-23", [1.25, 10, 0.125]),
  other("gpt-5-mini", "2025-08-07", [0.25, 2, 0.025]),
  other("gpt-5-nano", "2025-08-07", [0.05, 0.4, 0.005]),
  other("gpt-5.1", "2025-11-13", [1.25, 10, 0.125]),
  other("gpt-5.1-codex", "2025-11-13", [1.25, 10, 0.125]),
  other("gpt-5.1-codex-max", "2025-11-19", [1.25, 10, 0.125]),
  other("gpt-5.1-codex-mini", "2025-11-13", [0.25, 2, 0.025]),
  other("gpt-5.2", "2025-12-11", [1.75, 14, 0.175]),
  other("gpt-5.2-codex", "2026-01-14", [1.75, 14, 0.175]),
  other("gemini-2.0-flash", "2025-02-05", [0.1, 0.4, 0.025]),
  other("gemini-2.5-flash", "2025-06-17", [0.3, 2.5, 0.03]),
  other("gemini-2.5-flash-lite", "2025-07-22", [0.1, 0.4, 0.01]),
  // Of prompts up to 200,000 tokens; longer ones cost more.
  other("gemini-2.5-pro", "2025-06-17", [1.25, 10, 0.125]),
  other("gemini-3-pro-preview", "2025-11-18", [2, 12, 0.2]),
  other("gemini-3-flash-preview", "2025-12-17", [0.5, 3, 0.05]),
];

/** Made up by the runtime itself: no model was called. */
const free: ReadonlySet<string> = new Set(["<synthetic>"]);

/**
 * One name for the many that providers give a model: `us.anthropic.claude-opus-4-5-20251101-v1:0`,
 * `anthropic/claude-opus-4.5`, `claude-opus-4-5@20251101` and `claude-opus-4-5[1m]` are `claude-opus-4-5`.
 */
export function modelFamily(model: string): string {
  const name = model
    .trim()
    .toLowerCase()
    .replace(/^.*\//, "")
    .replace(/^([a-z]{2,6}\.)?(anthropic|openai|google|meta)\./, "")
    .replace(/\[[^\]]*\]$/, "")
    .replace(/@.*$/, "")
    .replace(/-v\d+(:\d+)?$/, "")
    .replace(/:[a-z0-9-]+$/, "")
    .replace(/-(\d{8}|\d{4}-\d{2}-\d{2}|latest)$/, "")
    .replace(/-v\d+$/, "");
  if (!name.startsWith("claude-")) return name;
  return name
    .replaceAll(".", "-")
    .replace(/^claude-(\d+(?:-\d+)?)-(opus|sonnet|haiku)/, "claude-$2-$1")
    .replace(/^(claude-(?:opus|sonnet)-4)-0$/, "$1");
}

type Priced = Pick<
  ModelCall,
  "model" | "inputTokens" | "outputTokens" | "cacheReadTokens" | "cacheWriteTokens" | "metadata" | "startedAt"
>;

export interface Prices {
  /** US dollars, or null where the model has no price and the call has tokens. */
  costOf(call: Priced): number | null;
  /** The price of a model at a moment, and whether the user set it. */
  priceOf(model: string, at: number): (Price & { readonly own: boolean }) | null;
}

export function createPrices(overrides: PriceOverrides = {}): Prices {
  const own = new Map(Object.entries(overrides).map(([model, price]) => [modelFamily(model), price]));
  const listed = new Map<string, ListPrice[]>();
  for (const price of listPrices) listed.set(price.model, [...(listed.get(price.model) ?? []), price]);

  function priceOf(model: string, at: number): (Price & { readonly own: boolean }) | null {
    const family = modelFamily(model);
    const set = own.get(family);
    if (set !== undefined) return { ...cacheFactors(set.input), ...set, own: true };
    const known = listed.get(family);
    const price = known?.findLast(({ from }) => Date.parse(from) <= at) ?? known?.[0];
    if (price === undefined) return null;
    const { model: _model, from: _from, ...rest } = price;
    return { ...rest, own: false };
  }

  return {
    priceOf,
    costOf(call) {
      const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens } = call;
      if (inputTokens + outputTokens + cacheReadTokens + cacheWriteTokens === 0) return 0;
      if (free.has(call.model)) return 0;
      const price = priceOf(call.model, call.startedAt);
      if (price === null) return null;
      const hour = Math.min(cacheWriteTokens, cacheWrite1hOf(call.metadata));
      const micros =
        inputTokens * price.input +
        outputTokens * price.output +
        cacheReadTokens * price.cacheRead +
        (cacheWriteTokens - hour) * price.cacheWrite5m +
        hour * price.cacheWrite1h;
      return Math.round(micros * 1e6) / 1e12;
    },
  };
}

/** How many of the written tokens are kept for an hour: sources put it in the call's metadata. */
export function cacheWrite1hOf(metadata: unknown): number {
  if (typeof metadata !== "object" || metadata === null || !("cacheWrite1h" in metadata)) return 0;
  return typeof metadata.cacheWrite1h === "number" ? Math.max(0, metadata.cacheWrite1h) : 0;
}
