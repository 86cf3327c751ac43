import type { Millis } from "../../operations/operation.ts";

/** Numbers and moments as a person reads them at a glance. */

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** `12 min ago`, `yesterday`, `3 days ago`, `2025-11-02`. */
export function when(at: Millis, now: Millis): string {
  const ago = now - at;
  if (ago < -minute) return localTime(at).slice(0, 16);
  if (ago < minute) return "just now";
  if (ago < hour) return `${Math.floor(ago / minute)} min ago`;
  if (ago < day) return `${Math.floor(ago / hour)} h ago`;
  if (ago < 2 * day) return "yesterday";
  if (ago < 14 * day) return `${Math.floor(ago / day)} days ago`;
  return localTime(at).slice(0, 10);
}

/** `2026-08-23 10:00:00` in the reader's zone. */
export function localTime(at: Millis): string {
  const shifted = at - new Date(at).getTimezoneOffset() * minute;
  return new Date(shifted).toISOString().slice(0, 19).replace("T", " ");
}

/** `$6.10`, `$0.0042`; with a `+` where a price is not known and the number is a lower bound. */
export function money(usd: number, complete = true): string {
  const digits = usd === 0 || usd >= 0.01 ? 2 : 4;
  const [whole = "", cents = ""] = usd.toFixed(digits).split(".");
  return `$${grouped(whole)}.${cents}${complete ? "" : "+"}`;
}

/** `950`, `61.2 k`, `61.2 M`. */
export function short(count: number): string {
  const steps = [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const;
  for (const [size, unit] of steps) {
    if (count >= size * 0.9995) return `${(count / size).toFixed(count >= size * 99.95 ? 0 : 1)} ${unit}`;
  }
  return String(count);
}

/** `483 MB`, `1.2 GB`: powers of 1,000, as disks and transfers are counted. */
export function size(bytes: number): string {
  const steps = [
    [1e9, "GB"],
    [1e6, "MB"],
    [1e3, "kB"],
  ] as const;
  for (const [unit, name] of steps) {
    if (bytes >= unit) return `${(bytes / unit).toFixed(bytes >= unit * 10 ? 0 : 1)} ${name}`;
  }
  return `${bytes} bytes`;
}

/** `38 ms`, `4.2 s`, `12 min`, `3.5 h`. */
export function duration(ms: Millis): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < minute) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < hour) return `${Math.round(ms / minute)} min`;
  return `${(ms / hour).toFixed(1)} h`;
}

export function percent(part: number, whole: number): string {
  if (whole === 0) return "–";
  const share = (100 * part) / whole;
  return `${share.toFixed(share > 0 && share < 10 ? 1 : 0)} %`;
}

/** `1,204`: thousands apart. */
export function grouped(count: number | string): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 session`, `38 sessions`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** `opus-4-5` of `claude-opus-4-5-20251101`: the maker and the date go, the name stays. */
export function modelName(model: string | null): string {
  return model === null ? "" : model.replace(/^(claude|anthropic)[-/]/, "").replace(/-20\d{6}$/, "");
}

const bars = "▁▂▃▄▅▆▇█";

/** One bar of eight heights; zero is a space. */
export function bar(value: number, most: number): string {
  if (value <= 0 || most <= 0) return " ";
  return bars[Math.min(7, Math.floor((value / most) * 7.999))] ?? " ";
}

/** What one types to give a model a price. */
export function priceCommand(model: string): string {
  const word = /^[\w.:/@[\]-]+$/.test(model) ? model : `'${model.replaceAll("'", "'\\''")}'`;
  return `loci prices set ${word} --in N --out N`;
}
