/** One document of the ranking. */
export interface Ranked {
  readonly score: number;
  readonly time: number;
  readonly key: number;
  /** The segment's place in the view, and the document's number there. */
  readonly segment: number;
  readonly document: number;
}

/** Higher score first; of equals the newer, then the one with the higher key. Total, and the same everywhere. */
export function compareRanked(a: Ranked, b: Ranked): number {
  return b.score - a.score || b.time - a.time || b.key - a.key;
}

/** The best `limit` documents seen so far. */
export interface Top {
  /** A document that scores less cannot enter. */
  readonly threshold: () => number;
  /** Of those with the threshold's score an older one cannot enter either. */
  readonly thresholdTime: () => number;
  add(ranked: Ranked): void;
  /** Best first. */
  readonly list: () => Ranked[];
}

/** A heap whose root is the worst that is kept. */
export function createTop(limit: number): Top {
  const heap: Ranked[] = [];

  function up(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const [mine, other] = [heap[at], heap[parent]];
      if (!mine || !other || compareRanked(mine, other) <= 0) return;
      heap[at] = other;
      heap[parent] = mine;
      at = parent;
    }
  }

  function down(): void {
    for (let at = 0; ; ) {
      let worst = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        const [mine, other] = [heap[worst], heap[child]];
        if (mine && other && compareRanked(other, mine) > 0) worst = child;
      }
      const [mine, other] = [heap[at], heap[worst]];
      if (worst === at || !mine || !other) return;
      heap[at] = other;
      heap[worst] = mine;
      at = worst;
    }
  }

  return {
    threshold: () => (heap.length < limit ? 0 : (heap[0]?.score ?? 0)),
    thresholdTime: () => (heap.length < limit ? -Infinity : (heap[0]?.time ?? 0)),
    add(ranked) {
      if (heap.length < limit) {
        up(heap.push(ranked) - 1);
        return;
      }
      const root = heap[0];
      if (!root || compareRanked(ranked, root) >= 0) return;
      heap[0] = ranked;
      down();
    },
    list: () => [...heap].sort(compareRanked),
  };
}
