import { type Collection, id, json, type Millis, optional, payload, text, time } from "./collection.ts";

/** What an agent decided, and from what: the memory it has across sessions. It is never changed, only superseded. */
export interface AgentMemory {
  readonly id: string;
  readonly agentId: string;
  /** What kind of decision it is: `architecture`, `naming`, the program's own words. */
  readonly decisionType: string;
  /** The decision itself: any JSON value. */
  readonly decisionData: unknown;
  /** What was known when it was decided, or why: a text or any JSON value. */
  readonly context: unknown;
  readonly createdAt: Millis;
  /** The session it was decided in. */
  readonly sessionId: string | null;
  /** The message that decided it. */
  readonly messageId: string | null;
  /** Whom it is for: `agent`, who decided it; or what the program says, such as `shared` or `project:api`. */
  readonly scope: string;
  /** The decision that this one replaces. No two replace the same one. */
  readonly supersedes: string | null;
}

export const agentMemory: Collection<AgentMemory> = {
  name: "agent_memory",
  key: "id",
  fields: {
    id,
    agentId: id,
    decisionType: text,
    decisionData: json,
    // Not `json`: a statement that somebody wrote may bring a plain text, and jsonb of PostgreSQL takes none.
    context: payload,
    createdAt: time,
    sessionId: optional(id),
    messageId: optional(id),
    scope: text,
    supersedes: optional(id),
  },
  unique: [["supersedes"]],
  indexes: [["agentId", "createdAt"], ["scope", "createdAt"], ["createdAt"]],
  bySql: {
    may: ["insert"],
    defaults: { id: { make: "id" }, createdAt: { make: "time" }, scope: { value: "agent" } },
  },
};
