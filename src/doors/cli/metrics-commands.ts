import { recordMetric, showAgents, showMetrics } from "../../operations/metrics.ts";
import { resetQueries, showQueries } from "../../operations/queries.ts";
import type { Command } from "./command.ts";
import { operated } from "./operated.ts";

/** What agents and the store do, in numbers: docs/metrics.md. */
export const metricsCommands: readonly Command[] = [
  operated(showMetrics, {
    view: async () => (await import("./views/metrics.ts")).metricsView,
    details:
      "One line for each agent and sort of work, of the last 24 hours. Programs record with loci.metrics.record, and finished tasks with loci.metrics.fromTask.",
    examples: [
      ["loci metrics", "the last 24 hours"],
      ["loci metrics --since 7d --swarm release-42", "one swarm's last week"],
    ],
  }),
  operated(recordMetric, {
    view: async () => (await import("./views/metrics.ts")).metricView,
    examples: [
      ["loci metrics record coder-1 refactor --duration 5200 --tokens 1800", "from a script or a hook"],
      ["loci metrics record coder-1 tests --error 'two tests failed'", "what did not go well"],
    ],
  }),
  operated(showAgents, {
    view: async () => (await import("./views/metrics.ts")).agentsView,
    details:
      "Active until 5 minutes after the last finished work, idle until 15, then inactive. Agents that are silent stay in the list.",
    examples: [
      ["loci agents", "all of them, in whatever swarms they are"],
      ["loci agents --region fra --since 24h", "one region, with the work of a day"],
    ],
  }),
  operated(showQueries, {
    view: async () => (await import("./views/queries.ts")).queriesView,
    details:
      "Programs that write to the store also store every 10 seconds how long its queries took, without the values in them. A command that is done sooner stores nothing.",
    examples: [
      ["loci queries", "the patterns that take the most time"],
      ["loci queries --by p95 --limit 5", "those that are slow at times"],
      ["loci queries --slow --since 1d", "single runs of 100 ms and more, the newest first"],
    ],
  }),
  operated(resetQueries, {
    view: async () => (await import("./views/queries.ts")).resetView,
    examples: [["loci queries reset", "before a measurement"]],
  }),
];
