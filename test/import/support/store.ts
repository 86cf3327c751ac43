import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createIngest } from "../../../dist/domains/ingest.js";
import { createPrices } from "../../../dist/domains/prices.js";
import type { Engine } from "../../../dist/engine/engine.js";
import { exportLines, rawBytes } from "../../../dist/record/export.js";
import { type ImportOptions, type ImportReport, importPaths } from "../../../dist/record/import/import.js";
import { openStore } from "../../../dist/store.js";

export interface TestStore extends AsyncDisposable {
  readonly engine: Engine;
  run(options: ImportOptions): Promise<ImportReport>;
  /** Every row as interchange lines. */
  lines(): Promise<string[]>;
  raw(id: string): Promise<Buffer>;
}

export async function testStore(url: string): Promise<TestStore> {
  const store = await openStore(url);
  const { engine } = store;
  const { costOf } = createPrices();
  const ingest = createIngest(engine, { now: Date.now, costOf });
  return {
    engine,
    run: (options) =>
      importPaths({ engine, ingest, costOf, now: Date.now }, { redact: { off: true }, ...options }),
    async lines() {
      const lines: string[] = [];
      for await (const line of exportLines(engine)) lines.push(line);
      return lines;
    },
    async raw(id) {
      const chunks: Buffer[] = [];
      for await (const chunk of rawBytes(engine, id)) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
    [Symbol.asyncDispose]: store.close,
  };
}

export interface Folder extends Disposable {
  readonly path: string;
  at(...names: string[]): string;
}

export function testFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "loci-import-"));
  return {
    path,
    at: (...names) => join(path, ...names),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** The same without what differs from run to run. */
export function counts({
  problems: _,
  sources: _sources,
  ...report
}: ImportReport): Omit<ImportReport, "problems" | "sources"> {
  return report;
}

/** The first lines that only one of two exports has: small enough to be read when a test fails. */
export function difference(one: readonly string[], other: readonly string[]): string[] {
  const left = new Set(one);
  const right = new Set(other);
  const only = [
    ...one.filter((line) => !right.has(line)).map((line) => `- ${line}`),
    ...other.filter((line) => !left.has(line)).map((line) => `+ ${line}`),
  ];
  const moved = one.findIndex((line, at) => line !== other[at]);
  if (only.length === 0 && (moved !== -1 || one.length !== other.length))
    only.push(`order differs at ${moved}`);
  return only.slice(0, 4).map((line) => line.slice(0, 600));
}
