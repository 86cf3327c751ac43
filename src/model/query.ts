import { type Collection, id, integer, json, type Millis, real, text, time } from "./collection.ts";

/** One pattern of queries: how often it ran and how long it took, in all processes together. */
export interface QueryPerformance {
  /** Of the pattern: the same in every process. */
  readonly queryHash: string;
  /** The query without its values: they may be secrets. */
  readonly queryPattern: string;
  readonly avgDurationMs: number;
  readonly executionCount: number;
  readonly lastExecuted: Millis;
  readonly sumMs: number;
  readonly maxMs: number;
  /** How often it took about so long: counts by the number of a bucket, eight of which are a power of ten. */
  readonly buckets: unknown;
}

export const queryPerformance: Collection<QueryPerformance> = {
  name: "query_performance",
  key: "queryHash",
  fields: {
    queryHash: id,
    queryPattern: text,
    avgDurationMs: real,
    executionCount: integer,
    lastExecuted: time,
    sumMs: real,
    maxMs: real,
    buckets: json,
  },
  unique: [],
  indexes: [["lastExecuted"]],
};

/** One query that was slow. */
export interface SlowQuery {
  readonly id: string;
  /** The pattern: the query without its values. */
  readonly query: string;
  readonly queryHash: string;
  readonly durationMs: number;
  /** When it ended. */
  readonly createdAt: Millis;
}

export const queryLog: Collection<SlowQuery> = {
  name: "query_log",
  key: "id",
  fields: { id, query: text, queryHash: id, durationMs: real, createdAt: time },
  unique: [],
  indexes: [["createdAt"]],
};
