import { type Engine, insert, remove, update } from "../engine/engine.ts";
import { swarmMembers } from "../model/agent.ts";
import type { Millis } from "../model/collection.ts";
import { newId, stableId } from "../model/id.ts";
import { type Letter, mailbox, type Subscription, subscriptions } from "../model/mailbox.ts";
import type { Clock } from "./clock.ts";
import { createWaiting } from "./wait.ts";

export type { Letter };

export interface Sending {
  readonly swarm?: string;
  readonly from: string;
  readonly body: unknown;
  /** How long it waits for its recipient. Default a day. */
  readonly ttl?: Millis;
}

export interface Receiving {
  readonly swarm?: string;
  readonly agent: string;
  readonly limit?: number;
  /** What is not acknowledged by then comes again: its reader may have died. Default 5 min. */
  readonly ackWithin?: Millis;
  /** Where nothing is there, waits that long for it. Default 0. */
  readonly wait?: Millis;
  readonly signal?: AbortSignal;
}

/** Messages between the agents of a swarm. Each recipient has its own copy, and gets those of one sender in order. */
export interface Mailbox {
  /** Answers how many recipients it goes to. */
  readonly send: (to: string, sending: Sending) => Promise<number>;
  /** To those who subscribed to the topic, but for the sender. */
  readonly publish: (topic: string, sending: Sending) => Promise<number>;
  /** To all agents registered in the swarm, but for the sender. */
  readonly broadcast: (sending: Sending) => Promise<number>;
  readonly subscribe: (topic: string, who: Pick<Receiving, "swarm" | "agent">) => Promise<void>;
  readonly unsubscribe: (topic: string, who: Pick<Receiving, "swarm" | "agent">) => Promise<void>;
  /** What waits for an agent, oldest first; each message once, unless it is not acknowledged in time. */
  readonly receive: (receiving: Receiving) => Promise<Letter[]>;
  readonly ack: (letters: ReadonlyArray<Pick<Letter, "id">>) => Promise<number>;
  /** Removes what was acknowledged and what is too old. Answers how many. */
  readonly clean: () => Promise<number>;
}

export interface MailboxParts {
  readonly now: Clock;
  readonly random?: () => number;
}

export function createMailbox(engine: Engine, { now, random = Math.random }: MailboxParts): Mailbox {
  const post = async (recipients: readonly string[], sending: Sending, topic?: string): Promise<number> => {
    const at = await now();
    const letters = recipients.map((recipient) => letterOf(sending, { recipient, topic: topic ?? null, at }));
    const [sent] = await engine.write([insert(mailbox, letters)]);
    if (sent) engine.wake?.tell(mailbox);
    return sent ?? 0;
  };
  return {
    send: (to, sending) => post([to], sending),
    async publish(topic, sending) {
      const where = { swarmId: sending.swarm ?? "default", topic, agentId: { not: sending.from } };
      const found = await engine.find(subscriptions, { where, fields: ["agentId"] });
      return post(
        found.map(({ agentId }) => agentId),
        sending,
        topic,
      );
    },
    async broadcast(sending) {
      const where = { swarmId: sending.swarm ?? "default", agentId: { not: sending.from } };
      const found = await engine.find(swarmMembers, { where, fields: ["agentId"] });
      return post(
        found.map(({ agentId }) => agentId),
        sending,
      );
    },
    async subscribe(topic, who) {
      await engine.write([insert(subscriptions, [subscription(topic, who)])]);
    },
    async unsubscribe(topic, who) {
      await engine.write([remove(subscriptions, { id: subscription(topic, who).id })]);
    },
    receive: (receiving) => receivePatiently(engine, receiving, { now, random }),
    async ack(letters) {
      const ids = letters.map(({ id }) => id);
      const where = { id: { anyOf: ids }, ackedAt: null };
      const [acked] = await engine.write([update(mailbox, where, { ackedAt: await now() })]);
      return acked ?? 0;
    },
    async clean() {
      const removed = await engine.write([
        remove(mailbox, { expiresAt: { upTo: await now() } }),
        remove(mailbox, { ackedAt: { not: null } }),
      ]);
      return removed.reduce((sum, count) => sum + count, 0);
    },
  };
}

function letterOf(
  { swarm = "default", from, body, ttl = 86_400_000 }: Sending,
  { recipient, topic, at }: Pick<Letter, "recipient" | "topic"> & { readonly at: Millis },
): Letter {
  return {
    // Ids of one process ascend also within a millisecond: that is the order of a sender's messages.
    id: newId(at),
    swarmId: swarm,
    sender: from,
    recipient,
    topic,
    body,
    sentAt: at,
    expiresAt: at + ttl,
    // From the beginning of time: a recipient whose idea of the store's clock is a little behind gets it at once too.
    dueAt: 0,
    deliveries: 0,
    ackedAt: null,
  };
}

function subscription(
  topic: string,
  { swarm = "default", agent }: Pick<Receiving, "swarm" | "agent">,
): Subscription {
  const id = stableId(0, "subscription", swarm, topic, agent);
  return { id, swarmId: swarm, topic, agentId: agent };
}

async function receivePatiently(
  engine: Engine,
  receiving: Receiving,
  { now, random }: Required<MailboxParts>,
): Promise<Letter[]> {
  const { wait = 0, signal } = receiving;
  if (!(wait > 0)) return receive(engine, receiving, await now());
  const until = performance.now() + wait;
  const waiting = createWaiting(engine, mailbox, random);
  try {
    for (;;) {
      waiting.look();
      const letters = await receive(engine, receiving, await now());
      const left = until - performance.now();
      if (letters.length > 0 || left <= 0 || signal?.aborted) return letters;
      await waiting.pause({ most: left, ...(signal && { signal }) });
    }
  } finally {
    waiting.end();
  }
}

function receive(
  engine: Engine,
  { swarm = "default", agent, limit = 100, ackWithin = 300_000 }: Receiving,
  at: Millis,
): Promise<Letter[]> {
  return engine.take(
    mailbox,
    {
      where: {
        swarmId: swarm,
        recipient: agent,
        ackedAt: null,
        dueAt: { upTo: at },
        expiresAt: { above: at },
      },
      orderBy: [["id", "up"]],
      limit,
    },
    { deliveries: { add: 1 }, dueAt: at + ackWithin },
  );
}
