import type { Engine } from "../engine/engine.ts";

/** A new and empty store. */
export interface Opened {
  readonly engine: Engine;
  /** How another process opens the same store; absent where only this process can. */
  readonly elsewhere?: Elsewhere;
  /** Called after the test, when the engine is closed. */
  dispose?(): Promise<void>;
}

/** `(await import(module))[open](...args)` answers the engine. */
export interface Elsewhere {
  readonly module: string;
  readonly open: string;
  readonly args: readonly unknown[];
}

/** What every engine must do, by its name. The engine comes prepared with `suiteSchema`. */
export type Cases = Readonly<Record<string, (opened: Opened) => Promise<void>>>;

export async function openElsewhere({ module, open, args }: Elsewhere): Promise<Engine> {
  const exports: unknown = await import(module);
  const opener: unknown =
    typeof exports === "object" && exports !== null ? Reflect.get(exports, open) : undefined;
  if (typeof opener !== "function") throw new TypeError(`${module} has no function ${open}.`);
  const engine: unknown = await Reflect.apply(opener, undefined, [...args]);
  if (isEngine(engine)) return engine;
  throw new TypeError(`${open} of ${module} answers no engine.`);
}

function isEngine(value: unknown): value is Engine {
  return typeof value === "object" && value !== null && "write" in value && "take" in value;
}
