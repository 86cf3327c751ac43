import { insert } from "../../engine/engine.ts";
import { errorCode } from "../../errors.ts";
import { importedFiles, rawEvents } from "../../model/raw-event.ts";
import { lineSources } from "../sources/parsers.ts";
import { choose } from "./choose.ts";
import { importClaudeFlow } from "./claude-flow.ts";
import { settleFamilies } from "./families.ts";
import { type FoundFile, findFiles } from "./files.ts";
import { type Identity, identify } from "./identify.ts";
import { inThisThread } from "./inline.ts";
import { importInterchange } from "./interchange.ts";
import { listSessions } from "./listing.ts";
import { importOpenCode } from "./opencode.ts";
import type { SourceName } from "./places.ts";
import { markChanges, planFor } from "./plan.ts";
import { filesWithoutSession, type ImportCounts, noCounts, plus, storedCounts } from "./report.ts";
import {
  type ImportOptions,
  type ImportParts,
  type ImportProblem,
  type ImportReport,
  noteFailure,
  ofTheFile,
  type Run,
  startRun,
} from "./run.ts";
import { createThreads } from "./threads.ts";

export type { ImportOptions, ImportParts, ImportProblem, ImportProgress, ImportReport } from "./run.ts";

/**
 * Brings sessions into the store, the newest first: a quick look at every new file lists them with their cost, then
 * every line is read. Ending it at any point leaves a store from which the same import goes on; doing it again
 * changes nothing.
 */
export async function importPaths(parts: ImportParts, options: ImportOptions = {}): Promise<ImportReport> {
  const unreadable: ImportProblem[] = [];
  const { flows, opencodes, rest, sources } = choose(options);
  const files = findFiles(rest, {
    onUnreadable: (path, error) => unreadable.push({ path, problem: error.message }),
  });
  await using threads = options.workers === 0 ? inThisThread() : createThreads(options.workers ?? 2);
  const run = startRun(parts, options, threads);
  run.problems.push(...unreadable);
  try {
    let counts: ImportCounts = rest.length === 0 ? noCounts : await importFiles(run, files, options.source);
    for (const path of opencodes) counts = plus(counts, await databaseCounts(run, path));
    let remembered = 0;
    for (const flow of flows) remembered += await importClaudeFlow(run, flow);
    const all = files.length + flows.length + opencodes.length;
    const [error] = run.failures;
    if (error !== undefined && run.failures.length === all) throw error;
    return {
      files: all,
      ...counts,
      remembered: counts.remembered + remembered,
      sources: sources.map((one) => ({ ...one, files: one.files(files) })),
      problems: run.problems,
    };
  } finally {
    // What is being written stands before the caller may close the store.
    await run.idle();
  }
}

/** A database that cannot be read is its own trouble: the others go on. */
async function databaseCounts(run: Run, path: string): Promise<ImportCounts> {
  try {
    return await importOpenCode(run, path);
  } catch (error) {
    const code = errorCode(error);
    if (code !== "busy" && !ofTheFile.has(code)) throw error;
    noteFailure(run, path, error);
    return noCounts;
  }
}

async function importFiles(
  run: Run,
  files: readonly FoundFile[],
  source: SourceName | undefined,
): Promise<ImportCounts> {
  const { changed, unsettled, ids } = await compare(run, files, source);
  const transcripts = changed.filter(({ source }) => source !== "loci");
  const exchanged = changed.filter(({ source }) => source === "loci");
  await listSessions(
    run,
    transcripts.filter(({ source }) => source === "claude-code"),
  );
  await readAll(run, transcripts, { unsettled, ids });
  const counts = await storedCounts(run.engine, ids);
  for (const path of await filesWithoutSession(run.engine, ids)) {
    run.problems.push({ path, problem: "No session was found in it; its lines are kept as they are." });
  }
  let total = counts;
  for (const identity of exchanged) {
    total = plus(total, await importInterchange(run, identity));
  }
  return total;
}

interface Compared {
  readonly changed: readonly Identity[];
  /** Sessions whose rows stand, but whose totals were not set before a run ended. */
  readonly unsettled: readonly string[];
  /** The imported files' ids, for the report; those that are read are added. */
  readonly ids: Set<string>;
}

/** Leaves out the files that are as they were when they were read to their end: they are not even opened. */
async function compare(
  run: Run,
  files: readonly FoundFile[],
  source: SourceName | undefined,
): Promise<Compared> {
  const rows = await run.engine.find(importedFiles, {
    fields: ["id", "path", "size", "modifiedAt", "source", "importedAt"],
  });
  const known = new Map(rows.map((row) => [row.path, row]));
  const changed: Identity[] = [];
  const unsettled: string[] = [];
  const ids = new Set<string>();
  for (const file of files) {
    const row = known.get(file.path);
    const same = row !== undefined && row.size === file.size && row.modifiedAt === file.modifiedAt;
    if (same && lineNames.has(row.source) && (source ?? row.source) === row.source) {
      ids.add(row.id);
      if (row.importedAt === 0) unsettled.push(rootOf(row.id));
      continue;
    }
    try {
      changed.push(identify(file, identified(source)));
    } catch (error) {
      noteFailure(run, file.path, error);
    }
  }
  return { changed, unsettled, ids };
}

const lineNames: ReadonlySet<string> = new Set(lineSources);

/** What a file is when it was said; a database is chosen before, and is no file of lines. */
function identified(source: SourceName | undefined): Identity["source"] | undefined {
  return source === "loci" ? source : lineSources.find((name) => name === source);
}

function rootOf(id: string): string {
  return id.replace(/@[0-9a-f]{12}$/, "").replace(/\/.*$/s, "");
}

/** How many sessions get their totals in one step. */
const settledAtOnce = 40;

/** Reads every new line, the newest file first; a session's totals are set when all of its files were read. */
export async function readAll(
  run: Run,
  identities: readonly Identity[],
  { unsettled, ids }: { readonly unsettled: readonly string[]; readonly ids: Set<string> },
): Promise<void> {
  const left = new Map<string, number>();
  for (const { id } of identities) left.set(rootOf(id), (left.get(rootOf(id)) ?? 0) + 1);
  const ready = [...new Set(unsettled)].filter((root) => !left.has(root));
  const totalBytes = identities.reduce((sum, { file }) => sum + file.size, 0);
  let done = 0;
  let bytes = 0;
  const settle = async (): Promise<void> => {
    const roots = ready.splice(0, settledAtOnce);
    await run.write(() => settleFamilies(run, roots));
  };
  // Two files of one session are read one after the other: the second is compared with what stands of the first.
  const chains = new Map<string, Promise<void>>();
  const reads = identities.map((identity) => {
    const before = chains.get(identity.id) ?? Promise.resolve();
    const reading = before
      .then(() => readFile(run, identity))
      .then(async (id) => {
        if (id !== undefined) ids.add(id);
        const root = rootOf(identity.id);
        left.set(root, (left.get(root) ?? 1) - 1);
        if (left.get(root) === 0) ready.push(root);
        done++;
        bytes += identity.file.size;
        run.progress({ stage: "read", done, files: identities.length, bytes, totalBytes });
        if (ready.length >= settledAtOnce) await settle();
      });
    chains.set(identity.id, reading);
    return reading;
  });
  await Promise.all(reads);
  while (ready.length > 0) await settle();
}

/** Answers the imported file's id, or undefined where the file could not be read. */
async function readFile(run: Run, identity: Identity): Promise<string | undefined> {
  const { file } = identity;
  const { engine, ingest, redact, limits } = run;
  try {
    const plan = await planFor(engine, identity);
    if (plan === undefined) return identity.id;
    // What was recorded while it ran has the same ids, and gains what only the file says.
    const fresh = plan.fresh && !(await run.recorded()).has(rootOf(identity.id));
    const job = { kind: "read", path: file.path, ...plan, fresh, redact, limits } as const;
    await run.threads.read(job, async ({ happenings, raw, mark, fresh }) => {
      await run.write(async () => {
        const marks = markChanges(file, plan, mark);
        await ingest.write(happenings, { changes: [insert(rawEvents, raw), ...marks], fresh });
      });
    });
    return plan.id;
  } catch (error) {
    if (!ofTheFile.has(errorCode(error))) throw error;
    noteFailure(run, file.path, error);
    return undefined;
  }
}
