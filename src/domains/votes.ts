import { LociError } from "../errors.ts";
import type { Millis } from "../model/collection.ts";
import type { Blackboard, BoardValue } from "./blackboard.ts";

export interface VoteGiven {
  readonly question: string;
  /** Default `yes` and `no`. */
  readonly choices?: readonly string[] | undefined;
  /** Who may vote; without a list, the agents that are registered now. */
  readonly voters?: readonly string[] | undefined;
  /** The share of all voters that a choice needs: above 0, up to 1. Without one, more than half of them. */
  readonly threshold?: number | undefined;
  readonly agent?: string | undefined;
}

export interface VoteResult {
  readonly name: string;
  readonly question: string;
  /** `decided`: a choice has what it needs. `failed`: none can get it any more. */
  readonly outcome: "open" | "decided" | "failed";
  /** The choice that was decided on. */
  readonly choice: string | null;
  /** How many voted for each. */
  readonly counts: Readonly<Record<string, number>>;
  /** So many of the voters a choice needs. */
  readonly needed: number;
  readonly voters: readonly string[];
  /** What each voted. */
  readonly votes: Readonly<Record<string, string>>;
  readonly proposedBy: string | null;
  readonly proposedAt: Millis;
}

/** Decisions of a swarm: each agent has one vote, and a share of all of them decides. Kept on the blackboard. */
export interface Votes {
  /** Errors: `invalid` where one of this name is there. */
  readonly propose: (name: string, given: VoteGiven) => Promise<VoteResult>;
  /** Until it is decided an agent may vote anew. Errors: `not-found`; `invalid` for who may not vote, or no more. */
  readonly vote: (name: string, agent: string, choice: string) => Promise<VoteResult>;
  /** Errors: `not-found`. */
  readonly result: (name: string) => Promise<VoteResult>;
}

interface Stored {
  readonly question: string;
  readonly choices: readonly string[];
  readonly voters: readonly string[];
  readonly needed: number;
  readonly votes: Readonly<Record<string, string>>;
}

const keyOf = (name: string): string => `vote/${name}`;

export function createVotes(board: Blackboard, registered: () => Promise<readonly string[]>): Votes {
  const known = async (name: string): Promise<BoardValue & { readonly value: Stored }> => {
    const entry = await board.get(keyOf(name));
    if (entry !== null && isStored(entry.value)) return { ...entry, value: entry.value };
    throw new LociError("not-found", `Nothing is put to the vote as ${JSON.stringify(name)}.`, {
      next: "Propose it first.",
    });
  };
  const result = async (name: string): Promise<VoteResult> => {
    const [{ value }, first] = await Promise.all([known(name), board.history(keyOf(name), { limit: 1_000 })]);
    const proposal = first.items.at(-1);
    return {
      ...count(name, value),
      proposedBy: proposal?.agentId ?? null,
      proposedAt: proposal?.at ?? 0,
    };
  };
  return {
    result,

    async propose(name, { question, choices = ["yes", "no"], voters, threshold, agent }) {
      const list = [...new Set(voters ?? (await registered()))].sort();
      if (list.length === 0) {
        throw new LociError("invalid", "Nobody can vote: the swarm has no registered agents.", {
          next: "Register them, or say who the voters are.",
        });
      }
      if (new Set(choices).size < 2) {
        throw new LociError("invalid", `A vote has two choices or more, not ${JSON.stringify(choices)}.`);
      }
      const value: Stored = {
        question,
        choices: [...new Set(choices)],
        voters: list,
        needed: neededOf(list.length, threshold),
        votes: {},
      };
      const { set } = await board.compareAndSet(keyOf(name), 0, { value, agent });
      if (set) return result(name);
      throw new LociError("invalid", `${JSON.stringify(name)} was put to the vote already.`, {
        next: "See its result, or give another name.",
      });
    },

    async vote(name, agent, choice) {
      await known(name);
      await board.update(
        keyOf(name),
        (value) => {
          if (!isStored(value)) return value;
          refuse(count(name, value), value, { agent, choice });
          return { ...value, votes: { ...value.votes, [agent]: choice } };
        },
        { agent },
      );
      return result(name);
    },
  };
}

function neededOf(voters: number, threshold: number | undefined): number {
  if (threshold === undefined) return Math.floor(voters / 2) + 1;
  if (threshold > 0 && threshold <= 1) return Math.max(1, Math.ceil(voters * threshold - 1e-9));
  throw new LociError("invalid", `threshold is a share above 0 and up to 1, not ${threshold}.`);
}

function refuse(
  { outcome, choice: decided }: Pick<VoteResult, "outcome" | "choice">,
  { voters, choices }: Stored,
  { agent, choice }: { readonly agent: string; readonly choice: string },
): void {
  if (outcome !== "open") {
    const how = decided === null ? "no choice can get enough votes any more" : `on ${decided}`;
    throw new LociError("invalid", `It is decided already: ${how}.`, { next: "See the result." });
  }
  if (!voters.includes(agent)) {
    throw new LociError("invalid", `${JSON.stringify(agent)} has no vote here: ${voters.join(", ")} have.`);
  }
  if (!choices.includes(choice)) {
    throw new LociError("invalid", `The choices are ${choices.join(", ")}, not ${JSON.stringify(choice)}.`);
  }
}

function count(
  name: string,
  { question, choices, voters, needed, votes }: Stored,
): Omit<VoteResult, "proposedBy" | "proposedAt"> {
  const counts = Object.fromEntries(
    choices.map((choice) => [choice, Object.values(votes).filter((one) => one === choice).length]),
  );
  const left = voters.length - Object.keys(votes).length;
  const choice = choices.find((one) => (counts[one] ?? 0) >= needed) ?? null;
  const isOpen = choices.some((one) => (counts[one] ?? 0) + left >= needed);
  const outcome = choice !== null ? "decided" : isOpen ? "open" : "failed";
  return { name, question, outcome, choice, counts, needed, voters, votes };
}

function isStored(value: unknown): value is Stored {
  return typeof value === "object" && value !== null && "votes" in value && "voters" in value;
}
