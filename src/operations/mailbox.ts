import { LociError } from "../errors.ts";
import type { Letter, Sending } from "../domains/mailbox.ts";
import { mailbox } from "../model/mailbox.ts";
import type { Loci } from "../open.ts";
import { isoTime, type Operation, operation } from "./operation.ts";

export interface SentAnswer {
  /** So many agents get it. */
  readonly recipients: number;
}

export type LetterItem = Pick<Letter, "id" | "sender" | "topic" | "body" | "deliveries"> & {
  readonly sentAt: string;
};

export interface ReceivedAnswer {
  readonly acknowledged: number;
  readonly items: readonly LetterItem[];
}

const swarm = { kind: "string", default: "default", summary: "the swarm", placeholder: "ID" } as const;

export const sendMessage: Operation = operation({
  name: "mail send",
  summary: "send a message to an agent, to those who subscribed to a topic, or to all",
  access: "write",
  params: {
    swarm,
    from: { kind: "string", required: true, summary: "who sends it" },
    to: { kind: "string", summary: "the agent that gets it; * is all of the swarm" },
    topic: { kind: "string", summary: "or those who subscribed to this" },
    body: { kind: "json", of: "value", required: true, summary: "what it says" },
  },
  async run(loci, { swarm: id, from, to, topic, body }): Promise<SentAnswer> {
    return { recipients: await post(loci, { to, topic }, { swarm: id, from, body }) };
  },
});

interface Recipients {
  readonly to: string | undefined;
  readonly topic: string | undefined;
}

function post(loci: Loci, { to, topic }: Recipients, sending: Sending): Promise<number> {
  if (to !== undefined && topic === undefined) {
    return to === "*" ? loci.mailbox.broadcast(sending) : loci.mailbox.send(to, sending);
  }
  if (topic !== undefined && to === undefined) return loci.mailbox.publish(topic, sending);
  throw new LociError("invalid", "A message goes to an agent (to), to all (to *), or to a topic.", {
    next: "Give one of to and topic.",
  });
}

export const receiveMessages: Operation = operation({
  name: "mail receive",
  summary: "take what waits for an agent, and acknowledge what it has dealt with",
  access: "write",
  params: {
    swarm,
    agent: { kind: "string", required: true, summary: "who reads" },
    limit: { kind: "integer", default: 10, min: 1, max: 100, summary: "how many" },
    ack: { kind: "list", summary: "ids of messages that were dealt with" },
    topic: { kind: "list", summary: "a topic to subscribe to" },
  },
  async run(loci, { swarm: id, agent, limit, ack, topic }): Promise<ReceivedAnswer> {
    for (const one of topic) await loci.mailbox.subscribe(one, { swarm: id, agent });
    const acknowledged = ack.length === 0 ? 0 : await loci.mailbox.ack(ack.map((letter) => ({ id: letter })));
    const letters = await loci.mailbox.receive({ swarm: id, agent, limit });
    return { acknowledged, items: letters.map(letterItem) };
  },
});

export const showMessage: Operation = operation({
  name: "mail show",
  summary: "read a message again",
  access: "read",
  params: { id: { kind: "string", required: true, summary: "the message" } },
  async run(loci, { id }): Promise<LetterItem> {
    const [letter] = await loci.engine.find(mailbox, { where: { id }, limit: 1 });
    if (letter !== undefined) return letterItem(letter);
    throw new LociError(
      "not-found",
      `There is no message ${JSON.stringify(id)}: it was dealt with, or is too old.`,
    );
  },
});

function letterItem({ id, sender, topic, body, deliveries, sentAt }: Letter): LetterItem {
  return { id, sender, topic, body, deliveries, sentAt: isoTime(sentAt) };
}
