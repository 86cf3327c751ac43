import { createReadStream, createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { LociError } from "../errors.ts";
import type { AnyCollection } from "../model/collection.ts";
import type { Engine } from "./engine.ts";
import { fieldOf } from "./stored.ts";

/**
 * A whole store in one file that no backend's own tools are needed for: compressed lines, each of them some rows of one
 * collection, and a last line that says how many there were, so that a file that was cut is not taken for whole.
 */

export type Counts = Readonly<Record<string, number>>;

type Row = Record<string, unknown>;

const page = 500;
const longestLine = 1_000_000_000;

/** Writes what the engine holds; for a consistent file, the engine is one moment's. */
export async function writePortable(
  engine: Pick<Engine, "find">,
  collections: readonly AnyCollection[],
  path: string,
): Promise<Counts> {
  const counts: Record<string, number> = {};
  async function* lines(): AsyncGenerator<string> {
    yield `${JSON.stringify({ loci: "backup", v: 1 })}\n`;
    for (const collection of collections) {
      counts[collection.name] = 0;
      for await (const rows of pagesOf(engine, collection)) {
        counts[collection.name] = (counts[collection.name] ?? 0) + rows.length;
        yield `${JSON.stringify({ of: collection.name, rows: rows.map(packed) })}\n`;
      }
    }
    yield `${JSON.stringify({ end: counts })}\n`;
  }
  await pipeline(
    Readable.from(lines()),
    createGzip({ level: 6 }),
    createWriteStream(path, { flags: "wx", mode: 0o600 }),
  );
  return counts;
}

async function* pagesOf(engine: Pick<Engine, "find">, collection: AnyCollection): AsyncGenerator<Row[]> {
  let after: Row | undefined;
  for (;;) {
    const query = {
      limit: page,
      ...(after === undefined ? {} : { after: { [collection.key]: after[collection.key] } }),
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- here the generics end: any collection's rows
    const rows = (await engine.find(collection as never, query as never)) as Row[];
    if (rows.length > 0) yield rows;
    after = rows.at(-1);
    if (rows.length < page) return;
  }
}

function packed(row: Row): Row {
  const plain: Row = {};
  for (const [name, value] of Object.entries(row)) {
    if (value === null) continue;
    plain[name] = value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
  }
  return plain;
}

export interface PortableRows {
  readonly of: AnyCollection;
  readonly rows: readonly Row[];
}

/** The rows of such a file. Errors: `corrupt` where it is none, or does not end as it should. */
export async function* readPortable(
  path: string,
  collections: readonly AnyCollection[],
): AsyncGenerator<PortableRows> {
  const byName = new Map(collections.map((collection) => [collection.name, collection]));
  const counts: Record<string, number> = {};
  let end: Counts | undefined;
  for await (const line of linesOf(path)) {
    const said = parsed(line, path);
    if (said.end !== undefined) end = said.end;
    if (said.of === undefined || said.rows === undefined) continue;
    counts[said.of] = (counts[said.of] ?? 0) + said.rows.length;
    const of = byName.get(said.of);
    if (of === undefined) throw damaged(path, `it has rows of ${said.of}, which this version does not know`);
    yield { of, rows: said.rows.map((row) => unpacked(of, row)) };
  }
  if (end === undefined) throw damaged(path, "it has no end");
  for (const [name, count] of Object.entries(end)) {
    if ((counts[name] ?? 0) !== count)
      throw damaged(path, `${counts[name] ?? 0} rows of ${name} are in it, not ${count}`);
  }
}

/** Looks through all of it: how many rows of each collection. Errors: as {@link readPortable}. */
export async function countPortable(path: string, collections: readonly AnyCollection[]): Promise<Counts> {
  const counts: Record<string, number> = {};
  for await (const { of, rows } of readPortable(path, collections)) {
    counts[of.name] = (counts[of.name] ?? 0) + rows.length;
  }
  return counts;
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const unpacking = createGunzip({ maxOutputLength: longestLine });
  const file = createReadStream(path);
  file.on("error", (error) => unpacking.destroy(error));
  try {
    for await (const line of createInterface({
      input: file.pipe(unpacking),
      crlfDelay: Number.POSITIVE_INFINITY,
    }))
      yield line;
  } catch (cause) {
    throw damaged(path, "it cannot be unpacked", cause);
  } finally {
    file.destroy();
  }
}

interface Line {
  readonly of?: string;
  readonly rows?: readonly Row[];
  readonly end?: Counts;
}

function parsed(line: string, path: string): Line {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- we wrote it; its digest is checked before
    return JSON.parse(line) as Line;
  } catch (cause) {
    throw damaged(path, "a line of it is no JSON", cause);
  }
}

function unpacked(collection: AnyCollection, row: Row): Row {
  const whole: Row = {};
  for (const name of Object.keys(collection.fields)) {
    const value = row[name] ?? null;
    const isBytes = fieldOf(collection, name).kind === "bytes" && typeof value === "string";
    whole[name] = isBytes ? new Uint8Array(Buffer.from(value, "base64")) : value;
  }
  return whole;
}

function damaged(path: string, why: string, cause?: unknown): LociError {
  return new LociError("corrupt", `${path} is not a whole backup: ${why}.`, {
    where: path,
    next: "loci backup ls shows the others",
    ...(cause === undefined ? {} : { cause }),
  });
}
