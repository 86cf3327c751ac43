import { castVote, proposeVote, useBoard } from "../../operations/blackboard.ts";
import { showSwarm } from "../../operations/swarm.ts";
import { listSwarms } from "../../operations/swarms.ts";
import { LociError } from "../../errors.ts";
import { addRegion, listRegions, probeRegions, removeRegion } from "../../operations/edge.ts";
import { addTask, assignTask, cancelTask, listTasks, retryTask, showTask } from "../../operations/tasks.ts";
import { type Command, flagInput, textInput } from "./command.ts";
import type { AnyView } from "./output.ts";
import { operated } from "./operated.ts";

const changed = async (): Promise<AnyView> => (await import("./views/tasks.ts")).changedView;

const regions = async (): Promise<AnyView> => (await import("./views/edge.ts")).regionsView;
const vote = async (): Promise<AnyView> => (await import("./views/blackboard.ts")).voteView;

const watchFlags = { watch: { kind: "boolean", summary: "go on, and show what changes" } } as const;

const all = operated(listSwarms, {
  view: async () => (await import("./views/swarms.ts")).swarmsView,
  examples: [],
});

/** Without a swarm, all of them; with `--watch` the answer is drawn again and again. */
function watched(command: Command): Command {
  const id = { kind: "string", positional: true, summary: "the swarm; without it, all are listed" } as const;
  return {
    ...command,
    params: { ...command.params, id },
    async run(call) {
      const watches = flagInput(call.input, "watch");
      if (textInput(call.input, "id") !== undefined)
        return watches ? (await import("./commands/swarm-watch.ts")).watchSwarm(call) : command.run(call);
      if (!watches) return all.run(call);
      throw new LociError("invalid", "ID is missing: one swarm is watched.", { next: "loci swarm" });
    },
  };
}

/** Commands for swarms and their tasks. */
export const coordination: readonly Command[] = [
  watched(
    operated(showSwarm, {
      view: async () => (await import("./views/swarm.ts")).swarmView,
      flags: watchFlags,
      details:
        "Healthy up to 30 s after the last heartbeat, warning up to 60 s, then unhealthy. Agents that are silent stay in the list. With --watch in a pipe, each agent is a line when it changes.",
      examples: [
        ["loci swarm", "all swarms, with how many agents and tasks each has"],
        ["loci swarm release-42", "who is there, and what they do"],
        ["loci swarm release-42 --watch", "the same, drawn again each second until Ctrl-C"],
      ],
    }),
  ),
  operated(useBoard, {
    view: async () => (await import("./views/blackboard.ts")).boardView,
    details: "Each value has a version; with --expect it is set only where that one still stands.",
    examples: [
      ["loci swarm board release-42", "all values"],
      [`loci swarm board release-42 plan '{"step":2}' --expect 1 --agent lead`, "compare and set"],
      ["loci swarm board release-42 plan --history", "what it was"],
    ],
  }),
  operated(proposeVote, {
    view: vote,
    examples: [["loci swarm propose release-42 ship 'Is it ready?'", "yes or no, by more than half"]],
  }),
  operated(castVote, {
    view: vote,
    examples: [
      ["loci swarm vote release-42 ship yes --agent docs-1", "one vote"],
      ["loci swarm vote release-42 ship", "how it stands"],
    ],
  }),
  operated(listTasks, {
    view: async () => (await import("./views/tasks.ts")).tasksView,
    examples: [
      ["loci task ls --swarm release-42", "the newest 20 of a swarm"],
      ["loci task ls --status dead", "what nobody could do"],
    ],
  }),
  operated(addTask, {
    view: changed,
    examples: [
      ["loci task add 'run the e2e tests' --swarm release-42 --priority 5", "one task"],
      ["loci task add deploy --id t2 --depends-on t1 --key deploy-42", "behind another, and never twice"],
    ],
  }),
  operated(showTask, {
    view: async () => (await import("./views/tasks.ts")).taskView,
    examples: [["loci task show t1", "its state, and each attempt with its error"]],
  }),
  operated(retryTask, { view: changed, examples: [["loci task retry t1", "with all its attempts"]] }),
  operated(cancelTask, {
    view: changed,
    examples: [["loci task cancel t1 --reason 'not needed'", "and what depends on it"]],
  }),
  operated(assignTask, {
    view: changed,
    details:
      "The agent gets it with its next claim, and has 30 s to renew its lease. Agents whose last heartbeat is older than 30 s are not asked.",
    examples: [
      ["loci task assign t1", "the nearest region that has an idle agent"],
      ["loci task assign t1 --agent backend-1", "to one agent"],
    ],
  }),
  operated(listRegions, {
    view: regions,
    details:
      "Latency is what was measured from here: by probes, and by the calls of programs on this host or in this region. loci edge add, rm and probe change the list.",
    examples: [
      ["loci edge", "regions, the nearest first"],
      [
        "loci edge --from fra --swarm release-42",
        "as a program in fra sees them, with the agents of one swarm",
      ],
    ],
  }),
  operated(addRegion, {
    view: async () => (await import("./views/edge.ts")).regionView,
    examples: [
      ["loci edge add fra --url libsql://store-fra.example.org", "a region that can be probed"],
      ["loci edge add iad --primary", "writes go there from now on"],
    ],
  }),
  operated(removeRegion, {
    view: async () => (await import("./views/knowledge.ts")).removedView,
    examples: [["loci edge rm gru", "and what was measured of it"]],
  }),
  operated(probeRegions, { view: regions, examples: [["loci edge probe", "all that have a URL, now"]] }),
];
