import { type AcquiredLock, acquireLock, type ReleasedLock, releaseLock } from "../../operations/locks.ts";
import {
  type LetterItem,
  type ReceivedAnswer,
  receiveMessages,
  sendMessage,
  type SentAnswer,
  showMessage,
} from "../../operations/mailbox.ts";
import { counted } from "../cli/people.ts";
import { answerOf, mostThatFits, nextCall, type Rest } from "./fit.ts";
import { entryOf, type LongText, pieceOf, placeOf, share } from "./pieces.ts";
import { age, clipped, named } from "./recalled.ts";
import { agentId, clockTime, fence, lease, swarmId, swarmOf, text, words } from "./swarm-tools.ts";
import { ask, cursor, quietMaxTokens, type Tool, type ToolAnswer } from "./tool.ts";

const sendMessageTool: Tool = {
  name: "send_message",
  description: "Send to an agent, to all of the swarm (to *), or to a topic.",
  toolset: "swarm",
  operation: sendMessage,
  writes: {},
  params: {
    from: { ...text, required: true },
    to: text,
    topic: text,
    body: { kind: "json", of: "value", required: true, summary: "any JSON" },
    swarm_id: swarmId,
  },
  async run(call) {
    const { swarm_id: _, ...rest } = call.input;
    const { recipients } = await ask<SentAnswer>(sendMessage, call, { ...rest, swarm: swarmOf(call) });
    return { text: `Sent to ${counted(recipients, "agent")}.`, data: { recipients } };
  },
};

/** At least so many characters of an answer for each message. */
const roomOfOne = 700;

const receiveMessagesTool: Tool = {
  name: "receive_messages",
  description: "What was sent to you. It comes again in 5 min unless a later call has its id in ack.",
  toolset: "swarm",
  operation: receiveMessages,
  writes: {},
  params: {
    agent_id: agentId,
    swarm_id: swarmId,
    ack: words,
    topics: { kind: "list", summary: "subscribe" },
    limit: { kind: "integer", default: 10, min: 1, max: 50, summary: "", hidden: true },
    cursor,
    max_tokens: quietMaxTokens,
  },
  async run(call) {
    const { input, context, room } = call;
    const place = placeOf(input["cursor"]);
    if (place !== undefined) {
      const letter = await ask<LetterItem>(showMessage, call, { id: place.id });
      const args = { agent_id: input["agent_id"] };
      const options = { tool: "receive_messages", args, offset: place.offset, room };
      return pieceOf(longText(letter, context.now()), options);
    }
    const agent = String(input["agent_id"]);
    const received = await ask<ReceivedAnswer>(receiveMessages, call, {
      swarm: swarmOf(call),
      agent,
      ack: input["ack"],
      topic: input["topics"],
      limit: Math.max(1, Math.min(Number(input["limit"]), Math.floor(room / roomOfOne))),
    });
    const reader = { agent_id: clipped(agent, 200), swarm_id: input["swarm_id"] };
    return letters(received, { reader, room, now: context.now() });
  },
};

interface Reading {
  /** The arguments that say who reads. */
  readonly reader: Readonly<Record<string, unknown>>;
  readonly room: number;
  readonly now: number;
}

function letters({ items, acknowledged }: ReceivedAnswer, { reader, room, now }: Reading): ToolAnswer {
  const most = share(room, items.length);
  const reading = { tool: "receive_messages", args: { agent_id: reader["agent_id"] } };
  const entries = items.map((letter) => entryOf(longText(letter, now), most, reading));
  const make = (count: number): ToolAnswer => {
    const left = items.length - count;
    const later = left === 0 ? "" : `; ${left} did not fit and come again in 5 min`;
    const acked = acknowledged === 0 ? "" : `${acknowledged} acknowledged. `;
    return answerOf({
      head: `${acked}${counted(count, "message")}${later}`,
      list: "messages",
      entries: entries.slice(0, count),
      data: { acknowledged, count },
      ...(count === 0 ? {} : { rest: acknowledging(reader, items.slice(0, count)) }),
    });
  };
  return make(mostThatFits({ least: 0, most: items.length }, room, make));
}

/** The call that says they were dealt with; it also answers what came since. */
function acknowledging(reader: Reading["reader"], items: readonly LetterItem[]): Rest {
  const { said, data } = nextCall("receive_messages", { ...reader, ack: items.map(({ id }) => id) });
  return { said: said.replace(/^More: call/, "Dealt with? Call"), data };
}

function longText(letter: LetterItem, now: number): LongText {
  const { id, sender, topic, body, deliveries, sentAt } = letter;
  const from = [
    `message ${id} from ${named(sender, 60)}`,
    ...(topic === null ? [] : [`topic ${named(topic, 60)}`]),
    ...(deliveries > 1 ? [`delivery ${deliveries}`] : []),
    age(sentAt, now),
  ];
  return {
    id,
    head: from.join(" · "),
    text: typeof body === "string" ? body : JSON.stringify(body),
    name: "body",
    whole: { body },
    data: {
      id,
      from: clipped(sender, 60),
      topic: topic === null ? null : clipped(topic, 60),
      sent_at: sentAt,
      recalled: true,
    },
  };
}

const acquireLockTool: Tool = {
  name: "acquire_lock",
  description: "Take a named lock, unless somebody has it.",
  toolset: "swarm",
  operation: acquireLock,
  writes: {},
  params: { name: { ...text, required: true }, agent_id: agentId, lease_s: { ...lease, hidden: true } },
  async run(call) {
    const { name, agent_id: owner, lease_s: seconds } = call.input;
    const lock = await ask<AcquiredLock>(acquireLock, call, { name, owner, lease: seconds });
    const shown = named(String(name), 200);
    const until = lock.until === null ? "" : clockTime(lock.until);
    const said = lock.acquired
      ? `${shown} is yours until ${until} (${String(seconds)} s), fence ${lock.fence}.`
      : `${lock.owner === null ? "Another agent" : named(lock.owner, 60)} has ${shown} until ${until}. Ask again then.`;
    return { text: said, data: { name, ...lock, ...(lock.acquired ? {} : { retry_after_ms: 5_000 }) } };
  },
};

const releaseLockTool: Tool = {
  name: "release_lock",
  description: "Give a lock back.",
  toolset: "swarm",
  operation: releaseLock,
  writes: { idempotent: true },
  params: { name: { ...text, required: true }, fence: { ...fence, required: true } },
  async run(call) {
    const { released } = await ask<ReleasedLock>(releaseLock, call, call.input);
    const name = named(String(call.input["name"]), 200);
    const said = released ? `${name} is free.` : `${name} was not yours any more: its lease ended.`;
    return { text: said, data: { released } };
  },
};

export const mailboxTools: readonly Tool[] = [
  sendMessageTool,
  receiveMessagesTool,
  acquireLockTool,
  releaseLockTool,
];
