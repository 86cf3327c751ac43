import { closeSync, constants, fdatasync, fstatSync, openSync } from "node:fs";

/**
 * Brings a recorder's spool to the disk, segment after segment, whatever the store is doing: with one run every 200 ms
 * a loss of power costs at most the lines of the last second, and never one before a line that stayed.
 */
export class SpoolSync {
  readonly #pathOf: (segment: number) => string;
  readonly #newest: () => number;
  #segment = 1;
  #fd = -1;
  #synced = 0;
  #running: Promise<void> | undefined;

  constructor(pathOf: (segment: number) => string, newest: () => number) {
    this.#pathOf = pathOf;
    this.#newest = newest;
  }

  /** To the disk with what is there now. One run at a time. */
  run(): void {
    this.#running ??= this.#toDisk().finally(() => {
      this.#running = undefined;
    });
  }

  async close(): Promise<void> {
    await this.#running;
    this.#leave();
  }

  async #toDisk(): Promise<void> {
    try {
      while (this.#segment <= this.#newest()) {
        // Asked before the size: a segment that has a next one does not grow any more.
        const last = this.#segment === this.#newest();
        if (this.#fd === -1) this.#fd = openSync(this.#pathOf(this.#segment), constants.O_RDONLY);
        const { size } = fstatSync(this.#fd);
        if (size > this.#synced) await synced(this.#fd);
        this.#synced = size;
        if (last) return;
        this.#next();
      }
    } catch (error) {
      // It is in the store, and gone. Anything else the next line will meet too, and count.
      const gone = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (gone && this.#segment < this.#newest()) this.#next();
    }
  }

  #next(): void {
    this.#leave();
    this.#segment++;
    this.#synced = 0;
  }

  #leave(): void {
    if (this.#fd !== -1) closeSync(this.#fd);
    this.#fd = -1;
  }
}

function synced(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fdatasync(fd, (error) => (error ? reject(error) : resolve()));
  });
}
