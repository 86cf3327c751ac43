import {
  boolean,
  type Collection,
  id,
  integer,
  type Millis,
  optional,
  real,
  text,
  time,
} from "./collection.ts";

/** One region that answers reads: what a router has to know of it. */
export interface EdgeReplica {
  readonly edgeRegion: string;
  /** Without user, password and parameters; null where the program that routes knows where it is. */
  readonly url: string | null;
  /** Writes go there. */
  readonly isPrimary: boolean;
  /** The mean of what its observers measured in the last 10 minutes: for those who did not measure themselves. */
  readonly latencyMs: number | null;
  /** The observer that looked last got an answer. */
  readonly healthy: boolean;
  /** How far it is behind the primary, where somebody said so. */
  readonly stalenessMs: number | null;
  readonly probedAt: Millis | null;
  readonly registeredAt: Millis;
}

export const edgeReplicas: Collection<EdgeReplica> = {
  name: "edge_replicas",
  key: "edgeRegion",
  fields: {
    edgeRegion: id,
    url: optional(text),
    isPrimary: boolean,
    latencyMs: optional(real),
    healthy: boolean,
    stalenessMs: optional(integer),
    probedAt: optional(time),
    registeredAt: time,
  },
  unique: [],
  indexes: [],
};

/** How one observer sees one region. Latency is a matter of two places: each observer has a row of its own. */
export interface EdgeLatency {
  readonly id: string;
  readonly edgeRegion: string;
  /** Who measured: its region, else the name of its host. */
  readonly seenFrom: string;
  /** Smoothed (EWMA, α = 0.3), of one exchange. */
  readonly latencyMs: number | null;
  /** The smoothed deviation from it. */
  readonly deviationMs: number | null;
  readonly healthy: boolean;
  /** Failures in a row. */
  readonly failures: number;
  /** The observer asks nothing of it before that: its circuit breaker is open. */
  readonly retryAt: Millis | null;
  readonly error: string | null;
  readonly observedAt: Millis;
}

export const edgeLatencies: Collection<EdgeLatency> = {
  name: "edge_latencies",
  key: "id",
  fields: {
    id,
    edgeRegion: id,
    seenFrom: id,
    latencyMs: optional(real),
    deviationMs: optional(real),
    healthy: boolean,
    failures: integer,
    retryAt: optional(time),
    error: optional(text),
    observedAt: time,
  },
  unique: [["edgeRegion", "seenFrom"]],
  indexes: [["seenFrom"]],
};
