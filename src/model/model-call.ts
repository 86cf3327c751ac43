import {
  boolean,
  type Collection,
  id,
  integer,
  json,
  type Millis,
  optional,
  real,
  text,
  time,
} from "./collection.ts";

/** One call of a model, with what it cost. */
export interface ModelCall {
  readonly id: string;
  readonly sessionId: string;
  readonly messageId: string | null;
  readonly model: string;
  readonly provider: string | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  /** US dollars; null when the model has no price. */
  readonly costUsd: number | null;
  readonly startedAt: Millis;
  readonly durationMs: number | null;
  /** The runtime said these numbers are its last word on the call. */
  readonly final: boolean;
  /** The numbers are an estimate (an interrupted stream, a hidden call). */
  readonly estimated: boolean;
  /** Copied from the session this one was forked from: listed, never summed. */
  readonly inherited: boolean;
  readonly metadata: unknown;
}

export const modelCalls: Collection<ModelCall> = {
  name: "model_calls",
  key: "id",
  fields: {
    id,
    sessionId: id,
    messageId: optional(id),
    model: text,
    provider: optional(text),
    inputTokens: integer,
    outputTokens: integer,
    cacheReadTokens: integer,
    cacheWriteTokens: integer,
    costUsd: optional(real),
    startedAt: time,
    durationMs: optional(integer),
    final: boolean,
    estimated: boolean,
    inherited: boolean,
    metadata: json,
  },
  unique: [],
  indexes: [["sessionId", "startedAt"], ["startedAt"]],
};
