import type { Param } from "../../operations/operation.ts";
import { addConversationTool, getConversationsTool } from "./conversation-tools.ts";
import { getSessionTool, listSessionsTool, searchSessionsTool } from "./session-tools.ts";
import {
  databaseInfoTool,
  describeTableTool,
  executeReadOnlyQueryTool,
  listTablesTool,
} from "./sql-tools.ts";
import type { Tool } from "./tool.ts";

/** Everything that can be called, in the order of the list. */
export const tools: readonly Tool[] = [
  searchSessionsTool,
  listSessionsTool,
  getSessionTool,
  getConversationsTool,
  addConversationTool,
  listTablesTool,
  describeTableTool,
  executeReadOnlyQueryTool,
  databaseInfoTool,
];

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
    readonly title: string;
    readonly readOnlyHint: boolean;
    readonly destructiveHint: boolean;
    readonly idempotentHint: boolean;
    readonly openWorldHint: boolean;
  };
}

export function listed({ name, title, description, params, operation, idempotent }: Tool): ListedTool {
  const required = Object.keys(params).filter((param) => params[param]?.required === true);
  return {
    name,
    description,
    inputSchema: {
      type: "object",
      properties: Object.fromEntries(Object.entries(params).map(([param, how]) => [param, schemaOf(how)])),
      ...(required.length > 0 ? { required } : {}),
    },
    annotations: {
      title,
      readOnlyHint: operation.access === "read",
      // What our tools write is added to the store; nothing that stood there is changed or removed.
      destructiveHint: false,
      idempotentHint: idempotent,
      openWorldHint: false,
    },
  };
}

/** Limits stand in the schema too where a client can heed them; the sentences that teach come from the reading. */
function schemaOf(param: Param): Json {
  const about = { description: param.summary };
  const usual = "default" in param && param.default !== undefined ? { default: param.default } : {};
  switch (param.kind) {
    case "enum":
      return { enum: [...param.choices], ...usual };
    case "integer":
    case "number": {
      const { min = 1, max } = param;
      return { type: param.kind, minimum: min, ...(max === undefined ? {} : { maximum: max }), ...usual };
    }
    case "boolean":
      return { type: "boolean", ...about };
    case "list":
      return { type: "array", items: { type: "string" }, ...about };
    case "json":
      return { type: param.of === "list" ? "array" : "object", ...about };
    case "string":
    case "time":
      return { type: "string", ...about, ...usual };
  }
}
