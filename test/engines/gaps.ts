const noWake = "a libSQL server tells nobody: who waits looks";
/** What a libSQL server does not do: docs/turso.md. */
export const remoteGaps = {
  "10 MB in one value": "sqld takes 4 MiB",
  "who listens to a collection is told of it": noWake,
  "who listens elsewhere is told, too": noWake,
  "who has ended is not told": noWake,
  "telling where nobody listens is fine, and so is telling a lot": noWake,
};
