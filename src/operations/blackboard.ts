import type { BoardValue, BoardVersion } from "../domains/blackboard.ts";
import type { VoteResult } from "../domains/votes.ts";
import { LociError } from "../errors.ts";
import type { Page } from "./answers.ts";
import { jsonOrText } from "./given.ts";
import { isoTime, type Operation, operation } from "./operation.ts";
import { limitFlag, pageFlag } from "./params.ts";

export type BoardItem = Omit<BoardValue, "updatedAt"> & { readonly updatedAt: string };

export type VersionItem = Omit<BoardVersion, "at"> & { readonly at: string };

/** Values by key, or the versions of one. */
export type BoardAnswer = Page<BoardItem | VersionItem>;

export type VoteAnswer = Omit<VoteResult, "proposedAt"> & { readonly proposedAt: string };

const swarmParam = { kind: "string", positional: true, required: true, summary: "the swarm" } as const;
const agentFlag = { kind: "string", summary: "who does it", placeholder: "NAME" } as const;

function itemOf(entry: BoardValue): BoardItem {
  return { ...entry, updatedAt: isoTime(entry.updatedAt) };
}

function voteOf(result: VoteResult): VoteAnswer {
  return { ...result, proposedAt: isoTime(result.proposedAt) };
}

export const useBoard: Operation = operation({
  name: "swarm board",
  summary: "show, set or take away the values that the agents of a swarm share",
  access: "write",
  params: {
    id: swarmParam,
    key: { kind: "string", positional: true, summary: "only this value" },
    value: { kind: "list", positional: true, summary: "what it becomes: JSON, where it is JSON, else text" },
    expect: { kind: "integer", min: 0, summary: "only where this version stands there; 0: where none was" },
    agent: agentFlag,
    remove: { kind: "boolean", summary: "take the value away" },
    history: { kind: "boolean", summary: "what the value was, newest first" },
    prefix: { kind: "string", summary: "only keys that begin so", placeholder: "TEXT" },
    limit: { ...limitFlag, default: 100 },
    after: pageFlag,
  },
  async run(loci, input): Promise<BoardAnswer> {
    const { id, key, value, agent, limit, after } = input;
    const { blackboard } = loci.swarm(id);
    if (key === undefined) {
      const page = await blackboard.list({ prefix: input.prefix, limit, after });
      return { items: page.items.map(itemOf), next: page.next };
    }
    if (input.history) {
      const page = await blackboard.history(key, { limit, after });
      return { items: page.items.map((row) => ({ ...row, at: isoTime(row.at) })), next: page.next };
    }
    if (input.remove) await blackboard.remove(key, { agent });
    else if (value.length > 0) {
      const given = jsonOrText(value.join(" "));
      if (input.expect === undefined) await blackboard.set(key, given, { agent });
      else {
        const answer = await blackboard.compareAndSet(key, input.expect, { value: given, agent });
        if (!answer.set) throw otherVersion(key, input.expect, answer.version);
      }
    }
    const entry = await blackboard.get(key);
    return { items: entry === null ? [] : [itemOf(entry)], next: null };
  },
});

function otherVersion(key: string, expected: number, version: number): LociError {
  return new LociError("invalid", `${key} is at version ${version}, not ${expected}: nothing was set.`, {
    next: `Look at what stands there, then expect ${version}.`,
  });
}

export const proposeVote: Operation = operation({
  name: "swarm propose",
  summary: "put a question to the vote in a swarm",
  access: "write",
  params: {
    id: swarmParam,
    name: { kind: "string", positional: true, required: true, summary: "what the vote is called" },
    question: { kind: "list", positional: true, required: true, summary: "the question" },
    choice: { kind: "list", summary: "a choice; yes and no without any", placeholder: "TEXT" },
    voter: { kind: "list", summary: "who may vote; without any, the registered agents", placeholder: "NAME" },
    threshold: {
      kind: "number",
      min: 0,
      max: 1,
      summary: "the share of all voters that a choice needs; without one, more than half",
    },
    agent: agentFlag,
  },
  async run(loci, input): Promise<VoteAnswer> {
    const { id, name, question, choice, voter, threshold, agent } = input;
    const given = {
      question: question.join(" "),
      threshold,
      agent,
      ...(choice.length === 0 ? {} : { choices: choice }),
      ...(voter.length === 0 ? {} : { voters: voter }),
    };
    return voteOf(await loci.swarm(id).votes.propose(name, given));
  },
});

export const castVote: Operation = operation({
  name: "swarm vote",
  summary: "vote, or see how a vote stands",
  access: "write",
  params: {
    id: swarmParam,
    name: { kind: "string", positional: true, required: true, summary: "what the vote is called" },
    choice: { kind: "string", positional: true, summary: "the choice; without one, how it stands" },
    agent: { ...agentFlag, summary: "who votes" },
  },
  async run(loci, { id, name, choice, agent }): Promise<VoteAnswer> {
    const { votes } = loci.swarm(id);
    if (choice === undefined) return voteOf(await votes.result(name));
    if (agent === undefined) {
      throw new LociError("invalid", "A vote is somebody's: --agent says whose.", {
        next: `loci swarm vote ${id} ${name} ${choice} --agent NAME`,
      });
    }
    return voteOf(await votes.vote(name, agent, choice));
  },
});
