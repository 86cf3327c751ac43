import { type Collection, id, integer, type Millis, optional, payload, text, time } from "./collection.ts";

/** One message to one agent: what is sent to a topic or to all is a row for each recipient. */
export interface Letter {
  readonly id: string;
  readonly swarmId: string;
  readonly sender: string;
  readonly recipient: string;
  /** The topic it was sent to; null where it was sent to the agent, or to all. */
  readonly topic: string | null;
  readonly body: unknown;
  readonly sentAt: Millis;
  readonly expiresAt: Millis;
  /** Delivered, and not acknowledged: it comes again from then on. */
  readonly dueAt: Millis;
  readonly deliveries: number;
  readonly ackedAt: Millis | null;
}

export const mailbox: Collection<Letter> = {
  name: "mailbox",
  key: "id",
  fields: {
    id,
    swarmId: id,
    sender: id,
    recipient: id,
    topic: optional(text),
    body: payload,
    sentAt: time,
    expiresAt: time,
    dueAt: time,
    deliveries: integer,
    ackedAt: optional(time),
  },
  unique: [],
  indexes: [["swarmId", "recipient", "id"], ["expiresAt"]],
};

/** One agent that gets what is sent to a topic. */
export interface Subscription {
  readonly id: string;
  readonly swarmId: string;
  readonly topic: string;
  readonly agentId: string;
}

export const subscriptions: Collection<Subscription> = {
  name: "mailbox_subscriptions",
  key: "id",
  fields: { id, swarmId: id, topic: text, agentId: id },
  unique: [],
  indexes: [["swarmId", "topic"]],
};
