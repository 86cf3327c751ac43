import { createHash } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { type Change, type Engine, insert, update } from "../../engine/engine.ts";
import { type ImportedFile, importedFiles } from "../../model/raw-event.ts";
import type { Transcript } from "../sources/claude-code/state.ts";
import { type AnyState, type LineSource, lineSources } from "../sources/parsers.ts";
import type { FoundFile } from "./files.ts";
import { endsOf } from "./hashes.ts";
import type { Identity } from "./identify.ts";
import type { Mark } from "./job.ts";

/** What the `state` of an imported file holds. */
export interface FileState {
  readonly parser: AnyState;
  readonly tail: { readonly lines: number; readonly unreadable: number };
}

/** What has to be read of a file. */
export interface Plan {
  /** The imported file's id: the session's, or, where another file has that session too, one of its own. */
  readonly id: string;
  readonly offset: number;
  readonly generation: number;
  readonly from: Transcript | AnyState;
  readonly fresh: boolean;
  readonly source: LineSource;
}

/** The state a file was left in; undefined where an older or newer version of Loci wrote another form of it. */
export function fileState(row: Pick<ImportedFile, "state">): FileState | undefined {
  const { state } = row;
  if (typeof state !== "object" || state === null || !("parser" in state)) return undefined;
  const { parser } = state;
  if (typeof parser !== "object" || parser === null || !("format" in parser) || parser.format !== 1) {
    return undefined;
  }
  // Written by {@link markChanges} in this form.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return state as FileState;
}

/** The id of a file whose session was imported from another file with other content. */
export function secondId(identity: Identity): string {
  const hash = createHash("sha256").update(identity.file.path).digest("hex").slice(0, 12);
  return `${identity.id}@${hash}`;
}

export function isSecond(id: string): boolean {
  return /@[0-9a-f]{12}$/.test(id);
}

/** Compares a file with what is stored of it: what is to be read, or `undefined` where all of it stands. */
export async function planFor(engine: Engine, identity: Identity): Promise<Plan | undefined> {
  const { file, id, transcript } = identity;
  const source = lineSources.find((name) => name === identity.source) ?? "claude-code";
  const second = secondId(identity);
  const rows = await engine.find(importedFiles, { where: { id: { anyOf: [id, second] } } });
  const own = rows.find((row) => row.id === second) ?? rows.find((row) => row.id === id);
  const start = { offset: 0, from: transcript, generation: 1, source };
  if (own === undefined) return { ...start, id, fresh: true };
  const sameFile = own.path === file.path;
  if (sameFile && own.size === file.size && own.modifiedAt === file.modifiedAt) return undefined;
  const state = fileState(own);
  // Read as what it is not, it is read again.
  if (state !== undefined && own.source === source && goesOn(file, own)) {
    if (file.size === own.offset) return undefined;
    const { offset, generation } = own;
    return { id: own.id, offset, generation, from: state.parser, fresh: false, source };
  }
  if (!sameFile) return { ...start, id: second, fresh: false };
  return { ...start, id: own.id, generation: own.generation + 1, fresh: false };
}

/** The file begins with what was read of it. */
function goesOn(file: FoundFile, row: ImportedFile): boolean {
  if (file.size < row.offset) return false;
  const fd = openSync(file.path, "r");
  try {
    const { head, last } = endsOf(fd, row.offset);
    return head === row.head && last === row.tail;
  } finally {
    closeSync(fd);
  }
}

/** Says in the store how far a file was read; never back, when another import is ahead. */
export function markChanges(file: FoundFile, plan: Plan, mark: Mark): Change[] {
  const { id, generation, source } = plan;
  const state: FileState = { parser: mark.state, tail: mark.tail };
  const fields = {
    path: file.path,
    source,
    offset: mark.offset,
    lines: mark.state.lines,
    unreadable: mark.state.unreadable,
    generation,
    // As they were when the file was found: what was appended since is seen next time.
    size: mark.end ? file.size : 0,
    modifiedAt: mark.end ? file.modifiedAt : 0,
    head: mark.head,
    tail: mark.last,
    state,
    // Until the totals of the session are set.
    importedAt: 0,
  };
  return [
    insert(importedFiles, [{ id, ...fields }]),
    update(importedFiles, { id, generation: { below: generation } }, fields),
    update(importedFiles, { id, generation, offset: { upTo: mark.offset } }, fields),
  ];
}
