import { closeSync, openSync } from "node:fs";
import { importedFiles } from "../../model/raw-event.ts";
import { insert, update } from "../../engine/engine.ts";
import type { RowHappening } from "../../model/happening.ts";
import { createRedactor, type Redactor } from "../redact.ts";
import { bring, type Kept } from "../../domains/bring.ts";
import type { KeptLine } from "../sources/kept.ts";
import { createLociReader } from "../sources/loci.ts";
import { endsOf } from "./hashes.ts";
import type { Identity } from "./identify.ts";
import type { Run } from "./run.ts";
import { linesOf } from "./lines.ts";
import type { ImportCounts } from "./report.ts";

const happeningsAtOnce = 2_000;
/** Checkpoints may be large. */
const keptAtOnce = 200;
const problemsTold = 100;

type SessionHappening = Extract<RowHappening, { kind: "session" }>;

/**
 * Brings in a file of the interchange format. It is read whole each time: ids make that harmless. What a session line
 * says of itself stands in the end, also where the rows would add up to something else.
 */
export async function importInterchange(run: Run, identity: Identity): Promise<ImportCounts> {
  const { file } = identity;
  const ids = {
    session: new Set<string>(),
    message: new Set<string>(),
    toolExecution: new Set<string>(),
    modelCall: new Set<string>(),
  };
  const given = new Map<string, SessionHappening>();
  const touched = new Set<string>();
  const counts = { lines: 0, unreadable: 0 };
  let kept: KeptLine[] = [];
  let remembered = 0;
  const writeKept = async (): Promise<void> => {
    const lines = kept;
    kept = [];
    await run.write(() => bring(run.engine, rowsOf(lines)));
  };
  let batch: RowHappening[] = [];
  const write = async (): Promise<void> => {
    const happenings = batch;
    batch = [];
    const written = await run.write(() => run.ingest.write(happenings));
    for (const id of written.sessions) touched.add(id);
  };
  const fd = openSync(file.path, "r");
  try {
    for (const happening of happeningsOf(run, { fd, path: file.path, counts })) {
      if ("row" in happening) {
        remembered++;
        kept.push(happening);
        if (kept.length >= keptAtOnce) await writeKept();
        continue;
      }
      ids[happening.kind].add(happening.id ?? "");
      if (happening.kind === "session") given.set(happening.id, { ...given.get(happening.id), ...happening });
      batch.push(happening);
      if (batch.length >= happeningsAtOnce) await write();
    }
    await write();
    await writeKept();
    await run.write(() => run.ingest.settle([...touched]));
    const told = [...given.values()];
    for (let start = 0; start < told.length; start += happeningsAtOnce) {
      await run.write(() => run.ingest.write(told.slice(start, start + happeningsAtOnce)));
    }
    await run.write(() => mark(run, identity, { fd, counts }));
  } finally {
    closeSync(fd);
  }
  return {
    ...counts,
    sessions: new Set([...touched, ...ids.session]).size,
    messages: ids.message.size,
    toolExecutions: ids.toolExecution.size,
    modelCalls: ids.modelCall.size,
    rawEvents: 0,
    remembered,
  };
}

function rowsOf(lines: readonly KeptLine[]): Kept {
  return {
    memory: lines.flatMap((line) => (line.kind === "memory" ? [line.row] : [])),
    knowledge: lines.flatMap((line) => (line.kind === "knowledge" ? [line.row] : [])),
    checkpoint: lines.flatMap((line) => (line.kind === "checkpoint" ? [line.row] : [])),
  };
}

interface Source {
  readonly fd: number;
  readonly path: string;
  readonly counts: { lines: number; unreadable: number };
}

function* happeningsOf(run: Run, { fd, path, counts }: Source): Generator<RowHappening | KeptLine> {
  const reader = createLociReader(run.now());
  const redactor: Redactor = createRedactor(run.redact);
  const refuse = (problem: string): void => {
    counts.unreadable++;
    if (run.problems.length < problemsTold) run.problems.push({ path, line: counts.lines, problem });
  };
  for (const { bytes, kind } of linesOf(fd, 0, run.limits)) {
    if (kind === "piece") continue;
    counts.lines++;
    if (kind === "tail") {
      refuse("This line is longer than a line may be.");
      continue;
    }
    const text = redactor.line(bytes.toString("utf8").trimEnd());
    if (text === "") continue;
    const happening = reader.read(text);
    if ("problem" in happening) refuse(happening.problem);
    else yield happening;
  }
}

async function mark(
  run: Run,
  { id, file }: Identity,
  { fd, counts }: Pick<Source, "fd" | "counts">,
): Promise<void> {
  const { head, last } = endsOf(fd, file.size);
  const fields = {
    path: file.path,
    source: "loci",
    offset: file.size,
    lines: counts.lines,
    unreadable: counts.unreadable,
    generation: 1,
    size: file.size,
    modifiedAt: file.modifiedAt,
    head,
    tail: last,
    state: null,
    importedAt: run.now(),
  };
  await run.engine.write([insert(importedFiles, [{ id, ...fields }]), update(importedFiles, { id }, fields)]);
}
