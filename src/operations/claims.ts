import { locks, type Lock } from "../model/lock.ts";
import { LociError } from "../errors.ts";
import type { Loci } from "../open.ts";
import { isoTime, type Operation, operation } from "./operation.ts";

/** Who works on which issue: a lock for each, whose name begins with `issue/`. */

export interface ClaimItem {
  readonly issueId: string;
  readonly claimant: string;
  readonly claimedAt: string;
  /** Then anybody may claim it. */
  readonly until: string;
}

export interface ClaimAnswer {
  readonly claim: ClaimItem;
}

export interface ReleasedClaim {
  readonly released: string;
}

export interface ClaimBoard {
  readonly items: readonly ClaimItem[];
}

const prefix = "issue/";
/** Who claims by hand does not renew. */
const lease = 86_400_000;
const issue = { kind: "string", required: true, summary: "the issue" } as const;
const claimant = { kind: "string", required: true, summary: "who works on it" } as const;

function itemOf({ name, owner, acquiredAt, expiresAt }: Lock): ClaimItem {
  return {
    issueId: name.slice(prefix.length),
    claimant: owner ?? "",
    claimedAt: isoTime(acquiredAt),
    until: isoTime(expiresAt),
  };
}

async function heldBy(loci: Loci, issueId: string, owner: string): Promise<Lock> {
  const lock = await loci.locks.get(`${prefix}${issueId}`);
  if (lock !== null && lock.owner === owner) return lock;
  const who = lock === null || lock.owner === null ? "nobody has" : `${lock.owner} has`;
  throw new LociError("lease-lost", `${owner} does not have issue ${issueId}: ${who} it.`, {
    next: "Look at the board of claims.",
  });
}

export const claimIssue: Operation = operation({
  name: "claim add",
  summary: "say who works on an issue, unless somebody does already",
  access: "write",
  params: { issue, claimant },
  async run(loci, { issue: id, claimant: owner }): Promise<ClaimAnswer> {
    const name = `${prefix}${id}`;
    const lock = await loci.locks.acquire(name, { owner, lease });
    if (lock !== null) return { claim: itemOf(lock) };
    const there = await loci.locks.get(name);
    if (there?.owner === owner) return { claim: itemOf(await loci.locks.renew(there, { lease })) };
    throw new LociError("busy", `${there?.owner ?? "Somebody"} works on issue ${id} already.`, {
      next: "Take another one, or ask for a handoff.",
    });
  },
});

export const releaseIssue: Operation = operation({
  name: "claim release",
  summary: "work on an issue no more",
  access: "write",
  params: { issue, claimant },
  async run(loci, { issue: id, claimant: owner }): Promise<ReleasedClaim> {
    await loci.locks.release(await heldBy(loci, id, owner));
    return { released: id };
  },
});

export const handOverIssue: Operation = operation({
  name: "claim handoff",
  summary: "give an issue to another, in one step",
  access: "write",
  params: { issue, from: claimant, to: claimant },
  async run(loci, { issue: id, from, to }): Promise<ClaimAnswer> {
    const { name, fence } = await heldBy(loci, id, from);
    return { claim: itemOf(await loci.locks.transfer({ name, fence }, { owner: to, lease })) };
  },
});

export const listClaims: Operation = operation({
  name: "claim ls",
  summary: "who works on which issue",
  access: "read",
  params: { limit: { kind: "integer", default: 100, min: 1, max: 1000, summary: "how many" } },
  async run(loci, { limit }, { now }): Promise<ClaimBoard> {
    const where = { name: { startsWith: prefix }, owner: { not: null }, expiresAt: { above: now() } };
    return { items: (await loci.engine.find(locks, { where, limit })).map(itemOf) };
  },
});
