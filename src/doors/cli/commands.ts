import { examine } from "../../operations/doctor.ts";
import { importSessions } from "../../operations/import.ts";
import { managePrices } from "../../operations/prices.ts";
import { listErrors, showCost } from "../../operations/reports.ts";
import { searchMessages } from "../../operations/search.ts";
import { listSessions, showSession, tailMessages } from "../../operations/sessions.ts";
import { runSql } from "../../operations/sql.ts";
import { summarize } from "../../operations/summary.ts";
import { adminCommands } from "./admin-commands.ts";
import { cacheCommands } from "./cache-commands.ts";
import { claudeCommands } from "./claude-commands.ts";
import type { Command } from "./command.ts";
import { memoryCommands } from "./memory-commands.ts";
import { metricsCommands } from "./metrics-commands.ts";
import { coordination } from "./coordination.ts";
import { attachCommand, connectCommand, httpParams, serveParams } from "./mcp-params.ts";
import { operated } from "./operated.ts";
import { syncCommands } from "./sync-commands.ts";

/** Everything that can be typed behind `loci`, in the order of the help. */
export const commands: readonly Command[] = [
  operated(importSessions, {
    view: async () => (await import("./views/import.ts")).importView,
    flags: { strict: { kind: "boolean", summary: "exit code 7 where a file or a line could not be taken" } },
    resumable: true,
    details:
      "Only what is new is read, and doing it twice changes nothing. Secrets are replaced by a marker before anything is stored.",
    examples: [
      ["loci import", "what Claude Code, Codex, Gemini and OpenCode left on this machine"],
      ["loci import ~/old/projects", "a folder, with everything below it"],
      ["loci import --source loci kept.jsonl", "what loci export wrote"],
    ],
    exitCode: (answer, { strict }) =>
      strict === true && "problems" in answer && Array.isArray(answer.problems) && answer.problems.length > 0
        ? 7
        : 0,
  }),
  operated(listSessions, {
    view: async () => (await import("./views/sessions.ts")).sessionsView,
    examples: [
      ["loci ls", "the newest 20"],
      ["loci ls --project api --since 7d", "one project's last week"],
      ["loci ls --all --json", "all of them, for a program"],
    ],
  }),
  operated(searchMessages, {
    view: async () => (await import("./views/search.ts")).searchView,
    details:
      'Plain words work; the best matches come first. Within the words: "exact words", beginnings*, tool:NAME, is:error, role:NAME, after:7d, before:2026-08-01, project:NAME, agent:TYPE.',
    examples: [
      ["loci search why does the sync test fail", "a question in plain words"],
      [`loci search '"retry backoff" tool:Bash is:error'`, "exactly these words, in commands that failed"],
    ],
  }),
  operated(showSession, {
    view: async () => (await import("./views/show.ts")).showView,
    flags: { full: { kind: "boolean", summary: "long texts and long sessions whole" } },
    examples: [
      ["loci show k3f9", "a session, long texts cut"],
      ["loci show k3f9#218", "message 218 and its neighbours"],
      ["loci show k3f9 --full | less", "all of it"],
    ],
  }),
  {
    name: tailMessages.name,
    summary: tailMessages.summary,
    params: tailMessages.params,
    examples: [
      ["loci tail", "the newest 10 messages"],
      ["loci tail -f k3f9", "what comes in one session, as it comes"],
    ],
    run: async (call) => (await import("./commands/tail.ts")).tail(call),
  },
  operated(showCost, {
    view: async () => (await import("./views/reports.ts")).costView,
    details: "A + behind a number says that a model has no price: the number is then a lower bound.",
    examples: [
      ["loci cost --since 30d", "day by day"],
      ["loci cost --by model", "which model took the money"],
      ["loci cost --explain k3f9", "the calls that made one session's number"],
    ],
  }),
  operated(listErrors, {
    view: async () => (await import("./views/reports.ts")).errorsView,
    examples: [["loci errors --since 7d", "what failed in the last week"]],
  }),
  {
    name: "export",
    summary: "write sessions as JSON lines, or the transcripts as they were",
    params: {
      id: { kind: "string", positional: true, summary: "one session, with its sub-agents; all without it" },
      raw: {
        kind: "boolean",
        summary: "the original transcript, byte for byte; without ID all of them, below --output",
      },
      output: {
        kind: "string",
        letter: "o",
        summary: "write to this file (with --raw and no ID: this folder) instead of stdout",
        placeholder: "PATH",
      },
    },
    details:
      "What loci import reads of the lines is the same again. A transcript is byte for byte what it was when it was imported with --redact off; else secrets in it are markers.",
    examples: [
      ["loci export -o all.jsonl", "everything, in the interchange format"],
      ["loci export k3f9 --raw > session.jsonl", "one original transcript"],
      ["loci export --raw -o transcripts", "all original transcripts"],
    ],
    run: async (call) => (await import("./commands/export.ts")).exportSessions(call),
  },
  operated(runSql, {
    view: async () => (await import("./views/sql.ts")).sqlView,
    details:
      "The statement is refused by the database itself where it would change something, and runs in a process of its own that is stopped after its time. With --write it may change your own tables, and add to agent_memory and knowledge.",
    flags: {
      file: {
        kind: "string",
        summary: "the statement stands in this file; - reads stdin",
        placeholder: "PATH",
      },
    },
    prepare: async (call) => (await import("./commands/sql.ts")).statement(call),
    examples: [
      ["loci sql 'select title, cost_usd from sessions order by cost_usd desc limit 5'", "the dearest five"],
      ["loci sql --file q.sql --format csv > out.csv", "for a spreadsheet"],
      [
        "loci sql --write --yes 'create table notes (id integer primary key, text text)'",
        "a table of your own",
      ],
    ],
  }),
  ...coordination,
  ...metricsCommands,
  {
    name: examine.name,
    summary: examine.summary,
    params: examine.params,
    details: "Exit code 6 where a check failed. A line with an arrow says what helps.",
    examples: [
      ["loci doctor", "what is there, what is wrong, what helps"],
      ["loci doctor --fix", "and mend what is safe to mend"],
    ],
    run: async (call) => (await import("./commands/doctor.ts")).doctor(call),
  },
  ...claudeCommands,
  ...memoryCommands,
  ...syncCommands,
  ...adminCommands,
  ...cacheCommands,
  operated(managePrices, {
    view: async () => (await import("./views/prices.ts")).pricesView,
    details:
      "Prices you set are kept in prices.json beside the store, and the calls stored already are counted again.",
    examples: [
      ["loci prices", "the list"],
      ["loci prices set foo-9 --in 3 --out 15", "dollars for a million tokens"],
    ],
  }),
  {
    name: "mcp",
    summary: "serve the store to an agent over MCP, on stdin and stdout or over HTTP",
    params: {
      toolsets: {
        kind: "string",
        default: "loci",
        summary:
          "with commas: sessions, conversations, memory, swarm, sql, admin; loci is the first three, all is all",
        placeholder: "NAMES",
      },
      allowWriteSql: {
        kind: "boolean",
        summary: "offer execute_query, which changes your own tables: docs/sql.md",
      },
      compat: {
        kind: "enum",
        choices: ["claude-flow"],
        summary: "the tool names of another program too",
      },
      project: {
        kind: "string",
        letter: "p",
        summary: "only this project, unless a call names another",
        placeholder: "NAME",
      },
      record: {
        kind: "boolean",
        summary: "bring in what Claude Code writes while this serves: docs/claude-code.md",
      },
      ...httpParams,
    },
    details:
      "An agent's program starts it: loci connect writes its configuration. The store is opened at the first call, and a store that cannot be opened says why then. With --http it serves any number of clients of this machine, each with the token that it says at its start.",
    examples: [
      ["loci connect claude-code", "has Claude Code start it"],
      ["loci mcp --toolsets loci,swarm", "for agents that work together"],
      ["loci mcp --http --token-file ~/.loci/mcp-token", "over HTTP, with a token that stays"],
    ],
    run: async (call) => (await import("./commands/mcp.ts")).mcp(call),
  },
  {
    name: "serve",
    summary: "take in what agents' programs send over OpenTelemetry (OTLP/HTTP)",
    params: serveParams,
    details:
      "One server of this machine, for JSON and protobuf; each request wants the token that it says at its start, with the lines that make Claude Code, Codex, Gemini CLI, OpenCode and others send. A request is answered when what it tells is in the spool. docs/opentelemetry.md says what is kept of whom.",
    examples: [
      ["loci serve", "on port 4318 or the next free one, with a new token"],
      ["loci serve --port 0 --token-file ~/.loci/serve-token", "any free port, a token that stays"],
    ],
    run: async (call) => (await import("./commands/serve.ts")).serve(call),
  },
  connectCommand,
  attachCommand,
  {
    name: "config",
    summary: "show or set what is otherwise given by flags and the environment",
    params: {
      action: {
        kind: "enum",
        positional: true,
        choices: ["get", "set", "path"],
        default: "get",
        summary: "what to do",
      },
      name: { kind: "string", positional: true, summary: "the setting" },
      value: { kind: "string", positional: true, summary: "its new value" },
      origin: { kind: "boolean", summary: "where each value comes from" },
    },
    details:
      "Flags count first, then the environment, then loci.config.json of the project, then your own file, then the default. Secrets come from the environment only and are never shown.",
    examples: [
      ["loci config get --origin", "every setting with where it comes from"],
      ["loci config set limit 50", "longer lists"],
    ],
    run: async (call) => (await import("./commands/config.ts")).config(call),
  },
  {
    name: "completion",
    summary: "print a script that completes commands and flags",
    params: {
      shell: {
        kind: "enum",
        positional: true,
        required: true,
        choices: ["bash", "zsh", "fish"],
        summary: "your shell",
      },
    },
    examples: [['eval "$(loci completion bash)"', "now, in this shell"]],
    async run({ input, out, commands: all }) {
      const [{ completionScript, shells }, { globalParams }, { jsonText }] = await Promise.all([
        import("./completion.ts"),
        import("./command.ts"),
        import("./output.ts"),
      ]);
      const shell = shells.find((name) => name === input["shell"]) ?? "bash";
      const script = completionScript(shell, all, globalParams);
      await out.write(out.format === "json" ? `${jsonText({ v: 1, shell, script })}\n` : script);
      return undefined;
    },
  },
  {
    name: "demo",
    summary: "show sample sessions, in a store of their own",
    params: { limit: { kind: "integer", letter: "n", default: 12, min: 1, max: 1000, summary: "how many" } },
    examples: [["loci demo", "what it looks like"]],
    run: async (call) => (await import("./commands/summary.ts")).demo(call),
  },
  {
    name: "version",
    summary: "print the version",
    params: {},
    examples: [],
    run: async (call) => (await import("./commands/version.ts")).showVersion(call),
  },
];

/** `loci` alone. */
export const summaryCommand: Command = {
  name: summarize.name,
  summary: "reads what is new and shows the last sessions",
  params: {
    ...summarize.params,
    redact: {
      kind: "enum",
      choices: ["on", "off"],
      default: "on",
      summary: "off keeps secrets as they stand",
      hidden: true,
    },
    orSamples: { kind: "boolean", summary: "where there is no history, show the samples", hidden: true },
  },
  examples: [],
  resumable: true,
  run: async (call) => (await import("./commands/summary.ts")).summary(call),
};
