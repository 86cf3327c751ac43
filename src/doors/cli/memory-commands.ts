import {
  diffCheckpoints,
  forkCheckpoint,
  listCheckpoints,
  removeCheckpoint,
  saveCheckpoint,
  showCheckpoint,
} from "../../operations/checkpoints.ts";
import {
  addKnowledge,
  exportKnowledge,
  importKnowledge,
  listKnowledge,
  removeKnowledge,
  searchKnowledge,
  showKnowledge,
} from "../../operations/knowledge.ts";
import { addMemory, listMemory, removeMemory, showMemory } from "../../operations/memory.ts";
import { type Command, flagInput } from "./command.ts";
import { operated } from "./operated.ts";

const fileFlag = {
  kind: "string",
  summary: "it stands in this file; - reads stdin",
  placeholder: "PATH",
} as const;

const removed = async () => (await import("./views/knowledge.ts")).removedView;

/** What agents remember: docs/memory.md. */
export const memoryCommands: readonly Command[] = [
  operated(addKnowledge, {
    view: async () => (await import("./views/knowledge.ts")).entryView,
    flags: { file: fileFlag },
    prepare: async (call) => (await import("./commands/from-file.ts")).withFile(call, "content", true),
    details: "What stands there already, word for word, is kept once. Recalled text is refused.",
    examples: [
      ["loci know add 'edge caching' 'Cache per region.' -c performance --tag edge", "by hand"],
      ["loci know add 'release notes' --file notes.md --agent writer", "from a file"],
    ],
  }),
  operated(searchKnowledge, {
    view: async () => (await import("./views/knowledge.ts")).foundKnowledgeView,
    details: `The best matches come first. Within the words: "exact words", beginnings*, -without, after:7d, agent:NAME.`,
    examples: [["loci know search how do we cache per region", "a question in plain words"]],
  }),
  operated(listKnowledge, {
    view: async () => (await import("./views/knowledge.ts")).knowledgeView,
    examples: [["loci know ls -c performance --tag edge", "one category, one tag"]],
  }),
  operated(showKnowledge, {
    view: async () => (await import("./views/knowledge.ts")).entryView,
    examples: [],
  }),
  operated(removeKnowledge, { view: removed, takesAway: "the entry", examples: [] }),
  operated(exportKnowledge, {
    view: async () => (await import("./views/knowledge.ts")).exportedView,
    details: "As JSON, NDJSON, CSV or TSV by --format; as Markdown with --markdown, and on a terminal.",
    examples: [
      ["loci know export --json > knowledge.json", "what know import reads"],
      ["loci know export -c performance --markdown > performance.md", "to read"],
    ],
    flags: { markdown: { kind: "boolean", summary: "as Markdown, also in a pipe" } },
    lines: async (call, answer) =>
      flagInput(call.input, "markdown")
        ? (await import("./views/knowledge.ts")).exportedView.draw?.(answer, call.screen)
        : undefined,
  }),
  operated(importKnowledge, {
    view: async () => (await import("./views/knowledge.ts")).broughtView,
    flags: { file: fileFlag },
    prepare: async (call) => (await import("./commands/from-file.ts")).withFile(call, "entries", false),
    details: "Ids are kept, and what is there already stays as it is: doing it again changes nothing.",
    examples: [["loci know import --file knowledge.json", "what know export wrote"]],
  }),
  operated(addMemory, {
    view: async () => (await import("./views/memory.ts")).memoryView,
    details: "A decision is never changed: a newer one supersedes it. Recalled text is refused.",
    examples: [
      [
        `loci memory add architect database '{"choice":"libSQL"}' --context 'one file, no server'`,
        "a decision",
      ],
      ["loci memory add architect database PostgreSQL --supersedes 0199", "a newer one in its place"],
    ],
  }),
  operated(listMemory, {
    view: async () => (await import("./views/memory.ts")).memoriesView,
    examples: [["loci memory ls architect", "the last 10 of one agent"]],
  }),
  operated(showMemory, {
    view: async () => (await import("./views/memory.ts")).memoryView,
    examples: [],
  }),
  operated(removeMemory, {
    view: removed,
    takesAway: "the decision",
    details:
      "What it had replaced is current again. A decision that changed is superseded instead: memory add.",
    examples: [["loci memory rm 0199", "one that was recorded by mistake"]],
  }),
  operated(saveCheckpoint, {
    view: async () => (await import("./views/checkpoints.ts")).savedView,
    flags: { file: fileFlag },
    prepare: async (call) => (await import("./commands/from-file.ts")).withFile(call, "data", false),
    examples: [
      [`loci ckpt save '{"step":3}' --project api --type plan`, "a small state"],
      ["loci ckpt save --file state.json --session k3f9", "a large one"],
    ],
  }),
  operated(listCheckpoints, {
    view: async () => (await import("./views/checkpoints.ts")).checkpointsView,
    examples: [["loci ckpt ls --project api", "the last 10 of one project"]],
  }),
  operated(showCheckpoint, {
    view: async () => (await import("./views/checkpoints.ts")).checkpointView,
    examples: [
      ["loci ckpt show --project api", "the newest of a project"],
      ["loci ckpt show --session k3f9 --json", "the newest of a session, for a program"],
    ],
  }),
  operated(diffCheckpoints, {
    view: async () => (await import("./views/checkpoints.ts")).diffView,
    examples: [["loci ckpt diff ID OTHER", "what changed between two"]],
  }),
  operated(forkCheckpoint, {
    view: async () => (await import("./views/checkpoints.ts")).savedView,
    examples: [["loci ckpt fork 0199 --session run-2", "another run goes on from it"]],
  }),
  operated(removeCheckpoint, { view: removed, takesAway: "the checkpoint", examples: [] }),
];
