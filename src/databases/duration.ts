import type { Millis } from "../model/collection.ts";

const day = 86_400_000;
const lengths: Readonly<Record<string, Millis>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: day,
  w: 7 * day,
  y: 365 * day,
};

/** `7d`, `2w1d30m`, `never`. */
export function isDuration(text: string): boolean {
  return /^(?:never|(?:\d{1,6}[smhdwy])+)$/.test(text);
}

/** Null: it does not end. */
export function endAfter(duration: string, from: Millis): Millis | null {
  if (duration === "never") return null;
  const spans = [...duration.matchAll(/(\d+)([a-z])/g)];
  return spans.reduce((at, [, count, unit = ""]) => at + Number(count) * (lengths[unit] ?? 0), from);
}
