/** What a source says of itself: docs/import.md has its table from here (scripts/docs.mjs). */
export interface SourceDeclaration {
  readonly source: string;
  /** The program, and the version whose files it was measured on. */
  readonly program: string;
  readonly reads: string;
  readonly captures: readonly string[];
  /** What that program knows and its files do not say, or what we leave to the raw lines. */
  readonly loses: readonly string[];
  /** How its tokens are counted, and where they equal the program's own total. */
  readonly tokens: string;
}

const shared = ["prompts", "answers", "reasoning", "tool executions with input, result and times"];

export const declarations: readonly SourceDeclaration[] = [
  {
    source: "claude-code",
    program: "Claude Code 2.1.329",
    reads: "`CLAUDE_CONFIG_DIR/projects/**/*.jsonl`",
    captures: [
      ...shared,
      "sub-agents",
      "forks",
      "interruptions",
      "errors of the server",
      "compactions",
      "titles",
    ],
    loses: [
      "how long a tool itself ran (its time is from call to result)",
      "what its cleanup deleted before",
    ],
    tokens:
      "equal to its own `cost-state`; calls in no line (compaction, title) are one estimated call a model",
  },
  {
    source: "codex",
    program: "Codex CLI 0.169.0",
    reads: "`CODEX_HOME/sessions/**/rollout-*.jsonl`, `archived_sessions`",
    captures: [
      ...shared,
      "exit codes and durations",
      "sub-agents",
      "forks",
      "aborted turns",
      "errors",
      "git branch and commit",
    ],
    loses: ["reasoning that is encrypted", "retries that succeeded", "approvals that were asked for"],
    tokens:
      "equal to `thread_token_usage`; without such records, what the growing `total_token_usage` grew by. Tokens from the cache are part of OpenAI's input, and counted once",
  },
  {
    source: "gemini",
    program: "Gemini CLI 0.61.0",
    reads: "`~/.gemini/tmp/PROJECT/chats/**/*.jsonl` (`GEMINI_CLI_HOME` for `~`)",
    captures: [...shared, "sub-agents", "errors and warnings it showed", "its summary as title"],
    loses: [
      "retries",
      "exit codes",
      "the git branch",
      "the project's folder in versions that write no `.project_root`",
      "which messages a person took back (`$rewindTo`): they stay",
      "`.json` chats of before 2026 that were not resumed since",
    ],
    tokens:
      "equal to the `total` of each answer (input, output, thoughts, tool prompts); it keeps no total of a session",
  },
  {
    source: "opencode",
    program: "OpenCode 1.18.33",
    reads: "its events, live; `XDG_DATA_HOME/opencode/opencode*.db` (`OPENCODE_DB`), a copy of it",
    captures: [
      ...shared,
      "exit codes",
      "sub-agents",
      "forks",
      "aborts",
      "retries that it kept",
      "compactions",
      "its own cost",
      "live: permissions, retries, every event as it is",
    ],
    loses: [
      "to-do lists and diffs, but for their events",
      "permissions and retries in moments in which nobody listened",
      "sessions that were deleted",
      "answers that are still being given",
    ],
    tokens:
      "equal to the totals of its session; what it counts beside its answers is one estimated call. A fork's row repeats its parent's total: ours counts only what the fork itself used",
  },
];

/** The table for the docs. */
export function declarationTable(): string {
  const rows = declarations.map(
    ({ source, program, reads, captures, loses, tokens }) =>
      `| \`${source}\` | ${program} | ${reads} | ${captures.join("; ")} | ${loses.join("; ")} | ${tokens} |`,
  );
  return [
    "| source | measured on | reads | captures | does not have | tokens |",
    "|---|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}
