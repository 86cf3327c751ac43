import type { Ingest } from "../../domains/ingest.ts";
import type { Engine } from "../../engine/engine.ts";
import { type ErrorCode, LociError } from "../../errors.ts";
import type { ModelCall } from "../../model/model-call.ts";
import { rawStreams } from "../../model/raw-stream.ts";
import type { RedactOptions } from "../redact.ts";
import { withEnvFile } from "../redact-env.ts";
import type { SourceName } from "./places.ts";
import type { RedactPlan } from "./job.ts";
import { type LineLimits, lineLimits } from "./lines.ts";
import type { ImportCounts } from "./report.ts";
import type { Threads } from "./threads.ts";

export type ForeignRow = Readonly<Record<string, string | number | null>>;

/** A copy of another program's database, as it was at one moment. That program never notices. */
export interface ForeignDatabase extends Disposable {
  /** Null where there is no such table. */
  rows(table: string, where?: Readonly<Record<string, string>>): readonly ForeignRow[] | null;
  /** How many rows each group has, and the newest moment in it: what changed is seen by it. */
  digests(table: string, by: string, column: string): ReadonlyMap<string, string>;
}

export interface ImportParts {
  readonly engine: Engine;
  readonly ingest: Ingest;
  readonly costOf: (call: ModelCall) => number | null;
  readonly now: () => number;
  /** Opens a copy of another program's database. Absent: there is no driver. */
  readonly openForeign?: (path: string) => Promise<ForeignDatabase>;
}

/** How far an import is. `list`: sessions with title and cost. `read`: every line stands in the store. */
export interface ImportProgress {
  readonly stage: "list" | "read";
  readonly done: number;
  readonly files: number;
  readonly bytes: number;
  readonly totalBytes: number;
}

export interface ImportOptions {
  /** Files and folders. Without any, what Claude Code, Codex, Gemini and OpenCode left on this machine. */
  readonly paths?: readonly string[];
  /** Told from each file's content when left out. */
  readonly source?: SourceName;
  /** Secrets are replaced before anything is stored; `{ off: true }` keeps every byte. */
  readonly redact?: RedactOptions;
  readonly onProgress?: (progress: ImportProgress) => void;
  /** Stops between two steps: the same import goes on from there. */
  readonly signal?: AbortSignal;
  /** Threads that read. Default 2; 0 reads in this thread, for a few lines. */
  readonly workers?: number;
  readonly limits?: Partial<LineLimits>;
}

export interface ImportReport extends ImportCounts {
  readonly files: number;
  /** Where each program's files were looked for, and how many there are; empty where paths were given. */
  readonly sources: readonly ImportedSource[];
  /** Files that could not be read, and lines of interchange files that could not be taken (the first hundred). */
  readonly problems: readonly ImportProblem[];
}

export interface ImportedSource {
  readonly source: SourceName;
  readonly where: readonly string[];
  readonly files: number;
}

export interface ImportProblem {
  readonly path: string;
  /** The line's number in an interchange file. */
  readonly line?: number;
  readonly problem: string;
}

/** One import under way. */
export interface Run extends ImportParts {
  readonly redact: RedactPlan;
  readonly limits: LineLimits;
  readonly threads: Threads;
  readonly problems: ImportProblem[];
  /** Files of which nothing more could be read. */
  readonly failures: Error[];
  progress(progress: ImportProgress): void;
  /** Sessions of which raw lines were recorded as they were written. */
  recorded(): Promise<ReadonlySet<string>>;
  /** Writes are done one after another. Refuses when the import was cancelled. */
  write<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Resolves when nothing is being written; whatever is asked for afterwards is refused. */
  readonly idle: () => Promise<void>;
}

export function startRun(
  parts: ImportParts,
  { redact: given, onProgress, signal, limits = {} }: ImportOptions,
  threads: Threads,
): Run {
  const redact = withEnvFile(given);
  let recorded: Promise<ReadonlySet<string>> | undefined;
  const readRecorded = async (): Promise<ReadonlySet<string>> => {
    const streams = await parts.engine.find(rawStreams, { fields: ["id", "rootId"] });
    return new Set(streams.map(({ rootId }) => rootId));
  };
  let writes: Promise<unknown> = Promise.resolve();
  let ended = false;
  return {
    ...parts,
    threads,
    problems: [],
    failures: [],
    limits: { ...lineLimits, ...limits },
    redact: {
      off: redact.off ?? false,
      literals: redact.literals ?? [],
      rules: (redact.rules ?? []).map(({ name, pattern, hints }) => ({
        name,
        pattern,
        ...(hints === undefined ? {} : { hints }),
      })),
    },
    recorded: () => (recorded ??= readRecorded()),
    progress: (progress) => onProgress?.(progress),
    write(work) {
      const result = writes.then(() => {
        if (ended || signal?.aborted === true) {
          throw new LociError("interrupted", "The import was stopped. What was read so far is kept.", {
            next: "loci import goes on where it stopped",
          });
        }
        return work();
      });
      writes = result.catch(() => {});
      return result;
    },
    async idle() {
      ended = true;
      await writes;
    },
  };
}

/** One file's own trouble: the others go on. Whatever else goes wrong is the store's, and ends the import. */
export const ofTheFile: ReadonlySet<ErrorCode | undefined> = new Set([
  "not-found",
  "permission",
  "invalid",
  "too-large",
]);

export function noteFailure(run: Run, path: string, error: unknown): void {
  const failure = error instanceof Error ? error : new Error(String(error));
  run.failures.push(failure);
  run.problems.push({ path, problem: failure.message });
}

/** Opens a copy of another program's database. */
export async function openForeign(run: Run, path: string): Promise<ForeignDatabase> {
  if (run.openForeign !== undefined) return run.openForeign(path);
  throw new LociError("unsupported", "Nothing here reads databases of other programs.", { where: path });
}
