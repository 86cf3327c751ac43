import type { Params } from "../../operations/operation.ts";
import {
  keepLocal,
  listConflicts,
  listQuarantined,
  repairSync,
  spokeToken,
  syncFull,
  syncPull,
  syncPush,
  verifySync,
} from "../../operations/sync.ts";
import { forgetSpoke, listSpokes, syncStatus } from "../../operations/sync-status.ts";
import type { Command } from "./command.ts";
import { operated } from "./operated.ts";

/** The hub, where the settings name none or another one; run.ts reads it as the setting `syncUrl`. */
const hub: Params = {
  hub: { kind: "string", summary: "the hub; else LOCI_SYNC_URL", placeholder: "URL-or-file" },
};

const report = async () => (await import("./views/sync.ts")).reportView;
const compared = async () => (await import("./views/sync.ts")).comparedView;

/** 6 where something is not as it should be. */
const failed = (is: boolean): number => (is ? 6 : 0);
const mismatched = (answer: object): number => failed("state" in answer && answer.state !== "ok");
const listed = (answer: object, name: string): boolean =>
  Object.entries(answer).some(([key, value]) => key === name && Array.isArray(value) && value.length > 0);

/** A store and its hub: docs/sync.md. */
export const syncCommands: readonly Command[] = [
  operated(syncStatus, {
    view: async () => (await import("./views/sync-status.ts")).syncStatusView,
    flags: hub,
    details:
      "Of a spoke: what waits, since when, and why the last sync failed. Of a hub: its spokes, as each said when it was last there. It asks no server but the store itself.",
    exitCode: (answer, { check }) => failed(check === true && listed(answer, "problems")),
    examples: [
      ["loci sync status", "what waits, what failed, what helps"],
      ["loci sync status --check --max-lag 10m", "exit code 6 where something waits for longer"],
    ],
  }),
  operated(syncPush, {
    view: report,
    flags: hub,
    exitCode: mismatched,
    resumable: true,
    examples: [
      ["loci sync push --hub libsql://hub-acme.turso.io", "with LOCI_SYNC_TOKEN in the environment"],
    ],
  }),
  operated(syncPull, {
    view: report,
    flags: hub,
    exitCode: mismatched,
    resumable: true,
    examples: [["loci sync pull", "what other spokes sent; what is written here stays here"]],
  }),
  operated(syncFull, {
    view: report,
    flags: hub,
    exitCode: mismatched,
    resumable: true,
    examples: [["loci sync full", "both ways, and both sides are compared"]],
  }),
  operated(verifySync, {
    view: compared,
    flags: hub,
    exitCode: (answer) => failed("different" in answer && answer.different !== 0),
    examples: [["loci sync verify", "exit code 6 where a row differs"]],
  }),
  operated(repairSync, {
    view: compared,
    flags: hub,
    resumable: true,
    examples: [["loci sync repair", "and what differed is listed"]],
  }),
  operated(keepLocal, {
    view: async () => (await import("./views/sync.ts")).localView,
    examples: [["loci sync local k3f9", "from now on; what the hub has already stays there"]],
  }),
  operated(listConflicts, {
    view: async () => (await import("./views/sync.ts")).conflictsView,
    examples: [["loci sync conflicts", "what two stores changed at once, and which value gave way"]],
  }),
  operated(listQuarantined, {
    view: async () => (await import("./views/sync.ts")).quarantineView,
    examples: [
      ["loci sync quarantine", "rows that a hub refused, or that arrived other than they were sent"],
    ],
  }),
  operated(spokeToken, {
    view: async () => (await import("./views/sync.ts")).spokeTokenView,
    details:
      "Made by what made the database: Turso's Platform API, or a sqld with our key (docs/databases.md).",
    examples: [["loci sync token hub --expiration 1d", "two lines for a CI job's environment"]],
  }),
  operated(listSpokes, {
    view: async () => (await import("./views/sync-status.ts")).spokesView,
    examples: [["loci spoke ls --db libsql://hub-acme.turso.io", "who syncs with this hub"]],
  }),
  operated(forgetSpoke, {
    view: async () => (await import("./views/sync-status.ts")).forgottenView,
    exitCode: (answer) => ("forgotten" in answer && answer.forgotten === false ? 3 : 0),
    examples: [["loci spoke forget ci-4711", "a job that will not come back"]],
  }),
];
