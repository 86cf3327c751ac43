/** Numbers that a recorder and its drain share without a message: they are in two threads. */
export interface Shared {
  readonly memory: SharedArrayBuffer;
  /** The segment that is written to; 0 before the first. */
  readonly segment: () => number;
  readonly begin: (segment: number) => void;
  /** Segments before this one are in the store and gone. */
  readonly finished: () => number;
  readonly finish: (segment: number) => void;
  /** Lines that stand in the store, and lines that never will. */
  readonly count: (written: number, lost: number) => void;
  readonly written: () => number;
  readonly lost: () => number;
  /** The drain says that it waits for a word. */
  readonly sleep: () => void;
  /** Answers whether it was asleep. */
  readonly awake: () => boolean;
}

const slot = { segment: 0, finished: 1, written: 2, lost: 3, asleep: 4 };

export function createShared(memory: SharedArrayBuffer = new SharedArrayBuffer(5 * 8)): Shared {
  const cells = new BigInt64Array(memory);
  const read = (index: number): number => Number(Atomics.load(cells, index));
  const write = (index: number, value: number): void => {
    Atomics.store(cells, index, BigInt(value));
  };
  return {
    memory,
    segment: () => read(slot.segment),
    begin: (segment) => write(slot.segment, segment),
    finished: () => read(slot.finished),
    finish: (segment) => write(slot.finished, segment),
    count(written, lost) {
      write(slot.written, written);
      write(slot.lost, lost);
    },
    written: () => read(slot.written),
    lost: () => read(slot.lost),
    sleep: () => write(slot.asleep, 1),
    awake: () => Atomics.exchange(cells, slot.asleep, 0n) === 1n,
  };
}
