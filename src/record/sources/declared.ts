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
    reads:
      "`CLAUDE_CONFIG_DIR/projects/**/*.jsonl`; live: the same, by its plugin ([claude-code.md](claude-code.md))",
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
    source: "claude-agent-sdk",
    program: "Claude Agent SDK 0.3.329",
    reads:
      "live: its `sessionStore` and the stream of `query()` ([claude-agent-sdk.md](claude-agent-sdk.md))",
    captures: [
      "with the store, all that `claude-code` has",
      "with the wrapper, results, cost, denials, tries again, background tasks, aborts",
    ],
    loses: [
      "how long a tool itself ran",
      "the lines of a turn whose process was killed before the SDK handed them over: they are in its file",
      "without the store: parents of messages, what a sub-agent says before its last answer",
    ],
    tokens: "equal to `modelUsage`; without the store, output is one estimated call a model",
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
  {
    source: "ai-sdk",
    program: "AI SDK 7.0.173",
    reads: "live: its telemetry, or a middleware of the model ([ai-sdk.md](ai-sdk.md))",
    captures: [...shared, "errors", "aborts"],
    loses: [
      "the cost and the folder: it knows neither",
      "pictures, embeddings and speech",
      "with the middleware, how long a tool ran",
      "a conversation over several calls, where no `sessionId` is given",
    ],
    tokens: "equal to `totalUsage`; tokens from the cache are part of its input, and counted once",
  },
  {
    source: "openai-agents",
    program: "OpenAI Agents 0.20.0",
    reads: "live: its traces and its `Session` ([openai-agents.md](openai-agents.md))",
    captures: [
      "prompts",
      "answers",
      "tool executions with input, output, error and times",
      "errors",
      "with the `Session`, every item as it is",
    ],
    loses: [
      "what happens where tracing is off, but for the items of the `Session`",
      "reasoning, handoffs and guardrails",
      "the cost and the folder: it knows neither",
      "tokens, where its server sends none",
    ],
    tokens: "equal to those of its responses, each turn once",
  },
];

/** Who sends what over OTLP: docs/opentelemetry.md has its table from here. */
export const telemetryDeclarations: readonly SourceDeclaration[] = [
  {
    source: "claude_code.*",
    program: "Claude Code 2.1.329",
    reads: "log events; spans add what tools put out",
    captures: [
      "prompts",
      "answers",
      "tools with input and the time they ran",
      "denials",
      "sub-agents",
      "errors",
      "cost",
    ],
    loses: ["reasoning", "what tools put out, without spans", "file edits", "attachments", "the folder"],
    tokens: "equal to its own metric `claude_code.token.usage`, and the cost to `claude_code.cost.usage`",
  },
  {
    source: "codex.*",
    program: "Codex CLI 0.169.0",
    reads: "log events",
    captures: [
      "prompts",
      "tools with input, output, exit codes and times",
      "denials",
      "errors of the server",
    ],
    loses: ["answers and reasoning: it does not send them", "the folder"],
    tokens: "what its `response.completed` events say; it sends no total",
  },
  {
    source: "gemini_cli.*",
    program: "Gemini CLI 0.61.0",
    reads: "log events; the same again as `gen_ai.*` is not counted",
    captures: ["prompts", "answers", "tools with input and times", "errors"],
    loses: ["what tools put out", "reasoning", "the folder"],
    tokens: "equal to the `stats` that it prints, thoughts counted as output",
  },
  {
    source: "ai.*",
    program: "OpenCode 1.18.33, AI SDK to version 6",
    reads: "spans",
    captures: ["prompts", "answers", "reasoning", "tools with input, output and times", "errors"],
    loses: ["the cost", "files", "sub-agents as children"],
    tokens:
      "each call of the model once, that for the title too (`hidden`); spans carry no total of a session",
  },
  {
    source: "gen_ai.*",
    program: "`@ai-sdk/otel` 1.0.173 with AI SDK 7, and whoever follows the conventions",
    reads: "spans and events",
    captures: ["prompts", "answers", "reasoning", "tools with input, output and times", "errors"],
    loses: ["a conversation over several traces, where no id is sent", "instructions to the system"],
    tokens:
      "each call of a model once, equal to the sum that `invoke_agent` says; that itself is not counted",
  },
];

/** The table for the docs. */
export function declarationTable(of: readonly SourceDeclaration[] = declarations): string {
  const rows = of.map(
    ({ source, program, reads, captures, loses, tokens }) =>
      `| \`${source}\` | ${program} | ${reads} | ${captures.join("; ")} | ${loses.join("; ")} | ${tokens} |`,
  );
  return [
    "| source | measured on | reads | captures | does not have | tokens |",
    "|---|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}
