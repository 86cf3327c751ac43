import { makesTokens } from "../../operations/databases.ts";
import type { Context, Param } from "../../operations/operation.ts";
import { adminTools } from "./admin-tools.ts";
import { claimAliases } from "./claude-flow/claims.ts";
import { memoryAliases } from "./claude-flow/memory.ts";
import { workAliases } from "./claude-flow/work.ts";
import { conversationTools } from "./conversation-tools.ts";
import { checkpointTools } from "./checkpoint-tools.ts";
import { decisionTools } from "./decision-tools.ts";
import { knowledgeTools } from "./knowledge-tools.ts";
import { mailboxTools } from "./mailbox-tools.ts";
import { sessionTools } from "./session-tools.ts";
import { sqlTools } from "./sql-tools.ts";
import { swarmTools } from "./swarm-tools.ts";
import { taskTools } from "./task-tools.ts";
import type { Flag, Tool } from "./tool.ts";

/** Everything that can be called, in the order of the list: a file a tool set. */
export const tools: readonly Tool[] = [
  ...sessionTools,
  ...conversationTools,
  ...knowledgeTools,
  ...decisionTools,
  ...checkpointTools,
  ...swarmTools,
  ...taskTools,
  ...mailboxTools,
  ...sqlTools,
  ...adminTools,
  ...memoryAliases,
  ...workAliases,
  ...claimAliases,
];

/** What is offered of them. */
export interface Offer {
  readonly toolsets: ReadonlyArray<Tool["toolset"]>;
  readonly flags: readonly Flag[];
  readonly env: Context["env"];
}

export function offeredTools({ toolsets, flags, env }: Offer): readonly Tool[] {
  const platform = makesTokens(env);
  const offered = tools.filter(
    ({ toolset, flag, needs }) =>
      toolsets.includes(toolset) &&
      (flag === undefined || flags.includes(flag)) &&
      (needs === undefined || platform),
  );
  // A name that we and another program have is ours where both are asked for.
  return offered.filter((tool) => offered.find(({ name }) => name === tool.name) === tool);
}

type Json = string | number | boolean | Json[] | { [name: string]: Json };

/** A tool as the protocol lists it. */
export interface ListedTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: {
    readonly type: "object";
    readonly properties: Record<string, Json>;
    readonly required?: string[];
  };
  readonly annotations: {
    readonly readOnlyHint: boolean;
    readonly destructiveHint?: boolean;
    readonly idempotentHint?: boolean;
    readonly openWorldHint: boolean;
  };
}

export function listed(tool: Tool): ListedTool {
  const { name, description } = tool;
  const params = Object.fromEntries(Object.entries(tool.params).filter(([, { hidden }]) => !hidden));
  const required = Object.keys(params).filter((param) => params[param]?.required === true);
  return {
    name,
    description,
    inputSchema: {
      type: "object",
      properties: Object.fromEntries(Object.entries(params).map(([param, how]) => [param, schemaOf(how)])),
      ...(required.length > 0 ? { required } : {}),
    },
    annotations: annotationsOf(tool),
  };
}

/**
 * By the protocol, `destructiveHint` and `idempotentHint` mean nothing where a tool only reads, and `idempotentHint`
 * is false where it is not there.
 */
function annotationsOf({ operation, writes = {} }: Tool): ListedTool["annotations"] {
  const { destructive = false, idempotent = false, openWorld = false } = writes;
  return {
    readOnlyHint: operation.access === "read",
    ...(operation.access === "read" ? {} : { destructiveHint: destructive }),
    ...(operation.access === "write" && idempotent ? { idempotentHint: true } : {}),
    openWorldHint: openWorld,
  };
}

/**
 * As little as says it: names speak for themselves where a summary is empty, and the sentence of a refusal says what
 * else holds. The list is read by a model before each conversation.
 */
function schemaOf(param: Param): Json {
  const about = param.summary === "" ? {} : { description: param.summary };
  const usual = "default" in param && param.default !== undefined ? { default: param.default } : {};
  switch (param.kind) {
    case "enum":
      return { enum: [...param.choices], ...usual };
    case "integer":
    case "number":
      return { type: param.kind, ...about, ...usual };
    case "boolean":
      return { type: "boolean", ...about };
    case "list":
      return { type: "array", items: { type: "string" }, ...about };
    case "json":
      return param.of === "value" ? about : { type: param.of === "list" ? "array" : "object", ...about };
    case "string":
    case "time":
      return { type: "string", ...about, ...usual };
  }
}
