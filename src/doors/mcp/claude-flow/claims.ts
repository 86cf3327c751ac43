import {
  type ClaimAnswer,
  type ClaimBoard,
  claimIssue,
  handOverIssue,
  listClaims,
  type ReleasedClaim,
  releaseIssue,
} from "../../../operations/claims.ts";
import { counted } from "../../cli/people.ts";
import { named } from "../recalled.ts";
import { ask, quietMaxTokens, type Tool } from "../tool.ts";
import { alias, given } from "./alias.ts";

/** A claim on an issue is a lock of a day, renewed by claiming again. */
const claimsClaim: Tool = alias({
  name: "claims_claim",
  description: "Say who works on an issue, unless somebody does already. It holds a day, then claim again.",
  operation: claimIssue,
  writes: { idempotent: true },
  params: { issueId: given, claimant: given },
  async run(call) {
    const { issueId: issue, claimant } = call.input;
    const { claim } = await ask<ClaimAnswer>(claimIssue, call, { issue, claimant });
    return { head: `${named(claim.issueId, 200)} is claimed.`, data: { success: true, claim } };
  },
});

const claimsRelease: Tool = alias({
  name: "claims_release",
  description: "Give a claimed issue back.",
  operation: releaseIssue,
  writes: {},
  params: { issueId: given, claimant: given },
  async run(call) {
    const { issueId: issue, claimant } = call.input;
    const { released } = await ask<ReleasedClaim>(releaseIssue, call, { issue, claimant });
    return { head: `${named(released, 200)} is free.`, data: { success: true, issueId: released } };
  },
});

const claimsHandoff: Tool = alias({
  name: "claims_handoff",
  description: "Give a claimed issue to another, in one step.",
  operation: handOverIssue,
  writes: {},
  params: { issueId: given, from: given, to: given },
  async run(call) {
    const { issueId: issue, from, to } = call.input;
    const { claim } = await ask<ClaimAnswer>(handOverIssue, call, { issue, from, to });
    return { head: `${named(claim.issueId, 200)} was handed over.`, data: { success: true, claim } };
  },
});

const claimsBoard: Tool = alias({
  name: "claims_board",
  description: "Who works on which issue.",
  operation: listClaims,
  params: { max_tokens: quietMaxTokens },
  async run(call) {
    const { items } = await ask<ClaimBoard>(listClaims, call, { limit: 500 });
    return { head: counted(items.length, "claim"), list: { name: "claims", items } };
  },
});

export const claimAliases: readonly Tool[] = [claimsClaim, claimsRelease, claimsHandoff, claimsBoard];
