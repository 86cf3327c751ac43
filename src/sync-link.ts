import { newId } from "./model/id.ts";
import { createRedactor } from "./record/redact.ts";
import type { LinkParts } from "./sync/link/run.ts";
import type { SyncThreadData } from "./sync-handle.ts";

/** What a link needs beside its stores, in a real process. */
export function linkParts(
  { name, redact }: Pick<SyncThreadData, "name" | "redact">,
  { own, openHub, place }: Pick<LinkParts, "own" | "openHub" | "place">,
): LinkParts {
  return {
    own,
    openHub,
    place,
    name,
    redactor: createRedactor(redact),
    now: Date.now,
    elapsed: () => performance.now(),
    // A sync holds the process that waits for it.
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    makeId: () => newId(),
  };
}
