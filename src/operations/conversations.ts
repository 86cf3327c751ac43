import { LociError } from "../errors.ts";
import type { Happening } from "../model/happening.ts";
import { newId } from "../model/id.ts";
import { type Message, messages as messageRows } from "../model/message.ts";
import { type MessageItem, messageItem } from "./answers.ts";
import { type Operation, operation } from "./operation.ts";

export interface AddedConversation {
  readonly sessionId: string;
  readonly messageIds: readonly string[];
}

const roles = ["user", "assistant", "system", "tool"] as const;

export const addConversation: Operation = operation({
  name: "add-conversation",
  summary: "store what was said: one message, or a message with its response",
  access: "write",
  params: {
    session: { kind: "string", required: true, summary: "the session's whole id; a new one begins with it" },
    role: { kind: "enum", choices: roles, summary: "who said it" },
    content: { kind: "string", summary: "what was said" },
    metadata: { kind: "json", of: "object", summary: "whatever belongs to the message" },
    user: { kind: "string", summary: "who the user is" },
    message: { kind: "string", summary: "what the user said" },
    response: { kind: "string", summary: "what the assistant answered" },
    context: { kind: "string", summary: "where it was said" },
    project: { kind: "string", summary: "the project's folder, for a new session" },
  },
  async run(loci, input, context): Promise<AddedConversation> {
    if (input.session.length > 1_000) throw shape("A session's id has at most 1,000 characters.");
    const said = spoken(input).map((one) => ({ ...one, id: newId(context.now()) }));
    const known = await loci.sessions.get(input.session);
    const agent = input.metadata?.["agent"];
    const session: Happening = {
      kind: "session",
      id: input.session,
      source: "mcp",
      ...(typeof agent === "string" && agent !== "" && agent.length <= 200 ? { agentType: agent } : {}),
      ...(input.project === undefined ? {} : { projectPath: input.project }),
    };
    const rows = said.map((one): Happening => ({ kind: "message", sessionId: input.session, ...one }));
    await loci.add(known === null ? [session, ...rows] : rows);
    return { sessionId: input.session, messageIds: said.map(({ id }) => id) };
  },
});

interface Said {
  readonly role: string;
  readonly content: string;
  readonly metadata?: object;
}

interface Shapes {
  readonly role: string | undefined;
  readonly content: string | undefined;
  readonly metadata: object | undefined;
  readonly user: string | undefined;
  readonly message: string | undefined;
  readonly response: string | undefined;
  readonly context: string | undefined;
}

/** The messages that either shape means; a mix of both is refused rather than guessed at. */
function spoken({ role, content, metadata, user, message, response, context }: Shapes): Said[] {
  const single = role !== undefined || content !== undefined;
  const pair = message !== undefined || response !== undefined;
  if (single === pair) {
    throw shape(
      single
        ? "Role and content, or message and response, were expected, and both came."
        : "There is nothing to store: role and content, or message and response, were expected.",
    );
  }
  const about = {
    ...metadata,
    ...(user === undefined ? {} : { user_id: user }),
    ...(context === undefined ? {} : { context }),
  };
  const more = Object.keys(about).length === 0 ? {} : { metadata: about };
  if (pair) {
    return [
      ...(message === undefined ? [] : [{ role: "user", content: message, ...more }]),
      ...(response === undefined ? [] : [{ role: "assistant", content: response, ...more }]),
    ];
  }
  if (role === undefined || content === undefined) {
    throw shape(
      `Role and content belong together, and ${role === undefined ? "role" : "content"} is missing.`,
    );
  }
  return [{ role, content, ...more }];
}

function shape(sentence: string): LociError {
  return new LociError("invalid", sentence, {
    next: `Give session_id, role (${roles.join(", ")}) and content, or session_id, message and response.`,
  });
}

export interface Conversations {
  readonly sessionId: string;
  /** In order; the newest of the session, or those before `before`. */
  readonly messages: readonly MessageItem[];
  /** Older ones are there. */
  readonly more: boolean;
}

export const getConversations: Operation = operation({
  name: "get-conversations",
  summary: "the last messages of a session, in order",
  access: "read",
  params: {
    session: { kind: "string", required: true, summary: "the session's whole id" },
    limit: { kind: "integer", default: 50, min: 1, max: 200, summary: "how many" },
    before: { kind: "integer", summary: "only messages before this sequence" },
  },
  async run(loci, input): Promise<Conversations> {
    // The whole id: a swarm that is new must not be given the conversation of one whose name is longer.
    const found: Message[] = await loci.engine.find(messageRows, {
      where: {
        sessionId: input.session,
        ...(input.before === undefined ? {} : { sequence: { below: input.before } }),
      },
      orderBy: [["sequence", "down"]],
      limit: input.limit + 1,
    });
    return {
      sessionId: input.session,
      messages: found.slice(0, input.limit).reverse().map(messageItem),
      more: found.length > input.limit,
    };
  },
});
