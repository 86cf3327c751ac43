import { type Operation, operation } from "./operation.ts";

/** What now stands in the store of the files that were given. */
export interface ImportAnswer {
  readonly files: number;
  readonly lines: number;
  /** Lines that are no JSON; they are kept as they are. */
  readonly unreadable: number;
  readonly sessions: number;
  readonly messages: number;
  readonly toolExecutions: number;
  readonly modelCalls: number;
  readonly rawEvents: number;
  /** Decisions, entries of knowledge and checkpoints. */
  readonly remembered: number;
  /** Where each program's files were looked for, when no path was given. */
  readonly sources: readonly ImportedSource[];
  /** Files that could not be read, and lines that could not be taken. */
  readonly problems: readonly ImportProblem[];
}

export interface ImportedSource {
  readonly source: string;
  readonly where: readonly string[];
  readonly files: number;
}

export interface ImportProblem {
  readonly path: string;
  readonly line: number | null;
  readonly problem: string;
}

/** What is being done while sessions get their titles and costs; their texts come after. */
export const listingStage = "sessions listed";

export const importSessions: Operation = operation({
  name: "import",
  summary: "bring in sessions: those of Claude Code, Codex, Gemini and OpenCode, or files and folders",
  access: "write",
  params: {
    path: {
      kind: "list",
      positional: true,
      summary: "files and folders; without any, what is on this machine",
    },
    source: {
      kind: "enum",
      choices: ["claude-code", "codex", "gemini", "opencode", "loci", "claude-flow"],
      summary: "what the files hold; told from their content when left out",
    },
    redact: {
      kind: "enum",
      choices: ["on", "off"],
      default: "on",
      summary: "off keeps secrets as they stand, and every byte",
    },
  },
  async run(loci, input, context): Promise<ImportAnswer> {
    // The rules are compiled when their module is read: only where something is imported.
    const { withEnvFile } = await import("../record/redact-env.ts");
    const redact = withEnvFile({ off: input.redact === "off" }, context.folder);
    let most = 0;
    const report = await loci.import(input.path.length === 0 ? undefined : input.path, {
      redact,
      ...(input.source === undefined ? {} : { source: input.source }),
      ...(context.signal === undefined ? {} : { signal: context.signal }),
      onIndex(left) {
        most = Math.max(most, left);
        context.progress({ doing: "messages made searchable", done: most - left, total: most });
      },
      onProgress: ({ stage, done, files }) =>
        context.progress({
          doing: stage === "list" ? listingStage : "sessions read",
          done,
          total: files,
        }),
    });
    const { problems, ...counts } = report;
    return {
      ...counts,
      problems: problems.map(({ path, problem, line = null }) => ({ path, line, problem })),
    };
  },
});

/** The folder of the sample sessions that come with the package. */
export async function samples(): Promise<string> {
  const { samplesFolder } = await import("../record/import/files.ts");
  return samplesFolder();
}
