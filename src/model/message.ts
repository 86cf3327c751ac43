import {
  type Collection,
  id,
  integer,
  json,
  type Millis,
  optional,
  payload,
  text,
  time,
} from "./collection.ts";

/** One turn of a session, in `sequence` order. */
export interface Message {
  readonly id: string;
  readonly sessionId: string;
  /** 1, 2, 3 … within the session; no two messages of a session share it. */
  readonly sequence: number;
  /** `user`, `assistant`, `tool`, `system`, or what the runtime called it. */
  readonly role: string;
  /** What was said. What a tool was given and answered stands in its tool execution. */
  readonly content: string | null;
  readonly toolName: string | null;
  readonly toolInput: unknown;
  readonly toolOutput: string | null;
  readonly createdAt: Millis;
  readonly tokenCount: number | null;
  readonly parentId: string | null;
  readonly agentId: string | null;
  readonly model: string | null;
  readonly metadata: unknown;
}

export const messages: Collection<Message> = {
  name: "messages",
  key: "id",
  fields: {
    id,
    sessionId: id,
    sequence: integer,
    role: text,
    content: optional(text),
    toolName: optional(text),
    toolInput: payload,
    toolOutput: optional(text),
    createdAt: time,
    tokenCount: optional(integer),
    parentId: optional(id),
    agentId: optional(id),
    model: optional(text),
    metadata: json,
  },
  unique: [["sessionId", "sequence"]],
  indexes: [["createdAt"]],
};
