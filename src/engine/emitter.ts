import type { AnyCollection } from "../model/collection.ts";

/** Listeners of this process, by the name of the collection that they wait for. */
export interface Emitter {
  readonly emit: (about: Pick<AnyCollection, "name">) => void;
  readonly emitAll: () => void;
  readonly listen: (about: Pick<AnyCollection, "name">, listener: () => void) => () => void;
  readonly count: () => number;
}

export function createEmitter(): Emitter {
  const all = new Map<string, Set<() => void>>();
  const call = (listeners: Iterable<() => void> = []): void => {
    // A copy: a listener may end itself, or begin another.
    for (const listener of [...listeners]) listener();
  };
  return {
    emit: ({ name }) => call(all.get(name)),
    emitAll() {
      for (const listeners of [...all.values()]) call(listeners);
    },
    listen({ name }, given) {
      // One function may listen twice, and end once.
      const listener = (): void => given();
      const listeners = all.get(name) ?? new Set();
      all.set(name, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && all.get(name) === listeners) all.delete(name);
      };
    },
    count: () => [...all.values()].reduce((sum, listeners) => sum + listeners.size, 0),
  };
}
