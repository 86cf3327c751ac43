import type { Recorder } from "../record/recorder.ts";

/** What an adapter needs of a recorder. */
export type RecorderLike = Pick<Recorder, "record">;

/** Whatever goes wrong in recording stays there: the program around it never notices. */
export function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // A getter that throws, a proxy, a recorder of the caller's own: the agent goes on.
  }
}

/** A map of things under way: beyond so many, the oldest are taken for forgotten. */
export function createOpen<Value>(most = 10_000): {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  delete(key: string): void;
} {
  const all = new Map<string, Value>();
  return {
    get: (key) => all.get(key),
    set(key, value) {
      all.set(key, value);
      const [oldest] = all.keys();
      if (all.size > most && oldest !== undefined) all.delete(oldest);
    },
    delete: (key) => void all.delete(key),
  };
}

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields {
  // An object's own fields, each looked at before it is used.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A number of tokens, whole and never negative. */
export function countOf(value: unknown): number {
  return typeof value === "number" && value > 0 ? Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER) : 0;
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function errorText(error: unknown): string {
  return textOf(fieldsOf(error)["message"]) ?? textOf(error) ?? "error";
}
