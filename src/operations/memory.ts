import type { AgentMemory } from "../model/memory.ts";
import type { Page } from "./answers.ts";
import { jsonOrText, sessionMeant } from "./given.ts";
import { isoTime, type Operation, operation } from "./operation.ts";
import { historyFlag, limitFlag, messageFlag, pageFlag, sessionFlag, supersedesFlag } from "./params.ts";

export type MemoryItem = Omit<AgentMemory, "createdAt"> & { readonly createdAt: string };

export interface MemoryAnswer {
  readonly memory: MemoryItem;
  /** What it replaced, newest first. */
  readonly replaced: readonly MemoryItem[];
}

export interface RemovedDecision {
  readonly removed: string;
}

function itemOf(row: AgentMemory): MemoryItem {
  return { ...row, createdAt: isoTime(row.createdAt) };
}

export const addMemory: Operation = operation({
  name: "memory add",
  summary: "keep a decision of an agent",
  access: "write",
  params: {
    agent: { kind: "string", positional: true, required: true, summary: "who decided" },
    type: { kind: "string", positional: true, required: true, summary: "what kind of decision it is" },
    decision: {
      kind: "list",
      positional: true,
      required: true,
      summary: "what was decided: JSON, where it is JSON, else text",
    },
    context: { kind: "string", summary: "why, or from what: JSON or text", placeholder: "TEXT" },
    scope: { kind: "string", default: "agent", summary: "whom it is for: agent, or a word of yours" },
    session: sessionFlag,
    message: messageFlag,
    supersedes: supersedesFlag,
  },
  async run(loci, input, asked): Promise<MemoryAnswer> {
    const { agent, type, decision, context, scope, message, supersedes } = input;
    const row = await loci.memory.add({
      agentId: agent,
      decisionType: type,
      decisionData: jsonOrText(decision.join(" ")),
      ...(context === undefined ? {} : { context: jsonOrText(context) }),
      scope,
      sessionId: await sessionMeant(loci, input.session, asked),
      messageId: message,
      supersedes: supersedes === undefined ? null : (await loci.memory.resolve(supersedes)).id,
    });
    const [, ...replaced] = await loci.memory.history(row.id);
    return { memory: itemOf(row), replaced: replaced.map(itemOf) };
  },
});

export const listMemory: Operation = operation({
  name: "memory ls",
  summary: "list what agents decided, newest first",
  access: "read",
  params: {
    agent: { kind: "string", positional: true, summary: "only this agent's" },
    type: { kind: "string", summary: "only decisions of this kind", placeholder: "NAME" },
    scope: { kind: "string", summary: "only of this scope", placeholder: "NAME" },
    session: { ...sessionFlag, summary: "only of this session" },
    history: historyFlag,
    limit: { ...limitFlag, default: 10 },
    after: pageFlag,
  },
  async run(loci, input, context): Promise<Page<MemoryItem>> {
    const { agent, type, scope, history, limit, after } = input;
    const sessionId = await sessionMeant(loci, input.session, context);
    const filter = { agentId: agent, decisionType: type, scope, sessionId };
    const { items, next } = await loci.memory.list({ ...filter, history, limit, after });
    return { items: items.map(itemOf), next };
  },
});

export const showMemory: Operation = operation({
  name: "memory show",
  summary: "show a decision and the ones it replaced",
  access: "read",
  params: {
    id: { kind: "string", positional: true, required: true, summary: "its id, or the beginning of it" },
  },
  async run(loci, input): Promise<MemoryAnswer> {
    const row = await loci.memory.resolve(input.id);
    const [, ...replaced] = await loci.memory.history(row.id);
    return { memory: itemOf(row), replaced: replaced.map(itemOf) };
  },
});

export const removeMemory: Operation = operation({
  name: "memory rm",
  summary: "take a decision away that was recorded by mistake",
  access: "write",
  params: {
    id: { kind: "string", positional: true, required: true, summary: "its id, or the beginning of it" },
  },
  async run(loci, input): Promise<RemovedDecision> {
    const { id } = await loci.memory.resolve(input.id);
    await loci.memory.remove(id);
    return { removed: id };
  },
});
