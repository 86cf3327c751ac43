import { type Collection, id, integer, json, type Millis, optional, text, time } from "./collection.ts";

/** Something that was found out and that every agent may use. Its words are never changed, only superseded. */
export interface Knowledge {
  readonly id: string;
  readonly category: string;
  /** What it is about, in a few words. */
  readonly topic: string;
  readonly content: string;
  /** A list of texts. */
  readonly tags: unknown;
  readonly metadata: unknown;
  /** Who found it. */
  readonly agentId: string | null;
  /** The session it was found in. */
  readonly sessionId: string | null;
  /** The message it was found in. */
  readonly messageId: string | null;
  /** The entry that this one replaces. No two replace the same one. */
  readonly supersedes: string | null;
  /** How often it was handed to an agent. */
  readonly uses: number;
  readonly createdAt: Millis;
  /** When it was last used; when it was added, while it was not. */
  readonly updatedAt: Millis;
}

export const knowledge: Collection<Knowledge> = {
  name: "knowledge",
  key: "id",
  fields: {
    id,
    category: text,
    topic: text,
    content: text,
    tags: json,
    metadata: json,
    agentId: optional(id),
    sessionId: optional(id),
    messageId: optional(id),
    supersedes: optional(id),
    uses: integer,
    createdAt: time,
    updatedAt: time,
  },
  unique: [["supersedes"]],
  indexes: [["category", "createdAt"], ["agentId", "createdAt"], ["createdAt"]],
  bySql: {
    may: ["insert"],
    defaults: {
      id: { make: "id" },
      category: { value: "general" },
      uses: { value: 0 },
      createdAt: { make: "time" },
      updatedAt: { make: "time" },
    },
  },
};
