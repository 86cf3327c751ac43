import { createHash } from "node:crypto";
import { type Change, insert, update } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import { type ImportedFile, importedFiles, type RawEvent, rawEvents } from "../../model/raw-event.ts";
import { createRedactor, type Redactor } from "../redact.ts";
import { countOf, objectOf, parseLine, textOf } from "../sources/claude-code/line.ts";
import { openCodeHappenings } from "../sources/opencode/happenings.ts";
import { sessionOf, type TableLine } from "../sources/opencode/rows.ts";
import { databaseFile } from "./places.ts";
import { createRawBlocks } from "./raw.ts";
import { type ImportCounts, storedCounts } from "./report.ts";
import { type ForeignDatabase, type ForeignRow, openForeign, type Run } from "./run.ts";

/** How far a session was read. */
interface SessionState {
  readonly digest: string;
  /** Rows that changed before were kept raw already. */
  readonly newest: number;
}

/**
 * Brings in OpenCode's database. Where neither it nor its log changed, nothing is opened; else a copy of it is read,
 * and of that only the sessions with a row that is new or changed.
 */
export async function importOpenCode(run: Run, path: string): Promise<ImportCounts> {
  const { all } = await readOpenCode(run, path);
  return storedCounts(run.engine, all);
}

/** The same, without the counts: which sessions the database has, and which of them were read now. */
export async function readOpenCode(
  run: Run,
  path: string,
): Promise<{ readonly all: ReadonlySet<string>; readonly read: readonly string[] }> {
  const file = databaseFile(path);
  if (file === undefined) throw new LociError("not-found", "There is no such database.", { where: path });
  const whole = `sqlite-${createHash("sha256").update(path).digest("hex").slice(0, 16)}`;
  const before = await run.engine.find(importedFiles, { where: { source: "opencode" } });
  const known = new Map(before.filter((row) => folderOf(row) === path).map((row) => [row.id, row]));
  const [mark] = await run.engine.find(importedFiles, { where: { id: whole } });
  const same = mark?.size === file.size && mark.modifiedAt === file.modifiedAt;
  let read: string[] = [];
  if (!same) {
    read = await importSessions(run, path, known);
    const { size, modifiedAt } = file;
    const row = { ...emptyRow, id: whole, path, source: "sqlite", size, modifiedAt, importedAt: run.now() };
    await run.write(() =>
      run.engine.write([
        insert(importedFiles, [row]),
        update(importedFiles, { id: whole }, { size, modifiedAt, importedAt: run.now() }),
      ]),
    );
  }
  return { all: new Set(known.keys()), read };
}

/** A session's own path: the database, and its id below it. */
const folderOf = ({ path, id }: Pick<ImportedFile, "path" | "id">): string =>
  path.slice(0, -`/${id}.jsonl`.length);

const emptyRow: Omit<ImportedFile, "id" | "path" | "source"> = {
  offset: 0,
  lines: 0,
  unreadable: 0,
  generation: 1,
  size: 0,
  modifiedAt: 0,
  head: "",
  tail: "",
  state: null,
  importedAt: 0,
};

async function importSessions(run: Run, path: string, known: Map<string, ImportedFile>): Promise<string[]> {
  using database = await openForeign(run, path);
  const rows = database.rows("session");
  if (rows === null || database.rows("message", { id: "" }) === null) {
    throw new LociError("invalid", "It is no database of OpenCode: there is no table session and message.", {
      where: path,
      next: "loci import --source opencode PATH",
    });
  }
  const digests = ["message", "part"].map((table) => database.digests(table, "session_id", "time_updated"));
  const redactor = createRedactor(run.redact);
  const newest = rows.toSorted((one, other) => countOf(other["time_updated"]) - countOf(one["time_updated"]));
  const imported: string[] = [];
  for (const [done, row] of newest.entries()) {
    const id = textOf(row["id"]);
    if (id === undefined) continue;
    const session = JSON.stringify([row, ...digests.map((digest) => digest.get(id) ?? "")]);
    const digest = createHash("sha256").update(session).digest("hex");
    const before = known.get(id);
    if (before?.importedAt !== 0 && stateOf(before)?.digest === digest) continue;
    const read: Reading = { run, database, redactor, digest, before, path: `${path}/${id}.jsonl` };
    known.set(id, await importSession(read, id, row));
    imported.push(id);
    run.progress({ stage: "read", done: done + 1, files: rows.length, bytes: 0, totalBytes: 0 });
  }
  return imported;
}

interface Reading {
  readonly run: Run;
  readonly database: ForeignDatabase;
  readonly redactor: Redactor;
  readonly digest: string;
  readonly before: ImportedFile | undefined;
  readonly path: string;
}

function stateOf(row: ImportedFile | undefined): SessionState | undefined {
  const state = objectOf(row?.state);
  const digest = textOf(state?.["digest"]);
  return digest === undefined ? undefined : { digest, newest: countOf(state?.["newest"]) };
}

async function importSession(reading: Reading, id: string, row: ForeignRow): Promise<ImportedFile> {
  const { run, database, before, path, digest } = reading;
  const { ingest } = run;
  const rows: Array<readonly [string, ForeignRow]> = [["session", row]];
  for (const table of ["message", "part"]) {
    for (const one of database.rows(table, { session_id: id }) ?? []) rows.push([table, one]);
  }
  const kept = keep(reading, id, rows);
  const session = sessionOf(kept.lines);
  const happenings = session === undefined ? [] : openCodeHappenings(id, session);
  const newest = Math.max(0, ...rows.map(([, one]) => countOf(one["time_updated"])));
  const file: ImportedFile = {
    ...emptyRow,
    id,
    path,
    source: "opencode",
    offset: kept.offset,
    lines: kept.count,
    unreadable: (before?.unreadable ?? 0) + kept.unreadable,
    state: { digest, newest } satisfies SessionState,
  };
  const { id: _, ...fields } = file;
  const marks: Change[] = [
    insert(importedFiles, [file]),
    update(importedFiles, { id, offset: { upTo: kept.offset } }, fields),
  ];
  await run.write(() =>
    ingest.write(happenings, {
      changes: [insert(rawEvents, kept.raw), ...marks],
      fresh: false,
    }),
  );
  await run.write(() => settle(run, file));
  return file;
}

async function settle({ engine, ingest, now }: Run, { id, offset }: ImportedFile): Promise<void> {
  await ingest.settle([id]);
  await engine.write([update(importedFiles, { id, offset }, { importedAt: now() })]);
}

interface Kept {
  readonly lines: readonly TableLine[];
  readonly raw: readonly RawEvent[];
  readonly offset: number;
  readonly count: number;
  readonly unreadable: number;
}

/** Every row as a line, without secrets; those that are new or changed are kept raw, behind what was kept before. */
function keep(
  { redactor, before }: Reading,
  id: string,
  rows: ReadonlyArray<readonly [string, ForeignRow]>,
): Kept {
  const blocks = createRawBlocks({ sessionId: id, subpath: "", source: "opencode", generation: 1 });
  const since = stateOf(before)?.newest ?? -1;
  const lines: TableLine[] = [];
  let offset = before?.offset ?? 0;
  let count = before?.lines ?? 0;
  let unreadable = 0;
  let version: string | null = null;
  for (const [table, row] of rows) {
    const safe = redactor.line(lineOf(table, row));
    const line = objectOf(parseLine(safe));
    if (line !== undefined) lines.push(line);
    const isOdd = table !== "session" && objectOf(line?.["data"]) === undefined;
    version = textOf(row["version"]) ?? version;
    if (countOf(row["time_updated"]) < since) continue;
    const bytes = Buffer.from(`${safe}\n`);
    count++;
    if (isOdd) unreadable++;
    blocks.add({ start: offset, length: bytes.length, kept: bytes, number: count, ends: true }, version);
    offset += bytes.length;
  }
  return { lines, raw: blocks.take(true), offset, count, unreadable };
}

/** The `data` of a row is JSON in a text: it stands in the line as it is, and is looked through for secrets. */
function lineOf(table: string, row: ForeignRow): string {
  const { data, ...rest } = row;
  const text = textOf(data) ?? "";
  if (parseLine(text) === undefined) return JSON.stringify({ table, ...row });
  // A line feed in JSON can only stand between its words.
  return `${JSON.stringify({ table, ...rest }).slice(0, -1)},"data":${text.replaceAll("\n", " ")}}`;
}
