import type { Loci } from "../../dist/index.js";
import { messages } from "../../dist/model/message.js";
import { modelCalls } from "../../dist/model/model-call.js";
import { sessions } from "../../dist/model/session.js";
import { toolExecutions } from "../../dist/model/tool-execution.js";

export type Rows = Record<string, Record<string, unknown>>;

/** What was recorded, by collection and id. */
export async function rowsOf(from: Loci): Promise<Rows> {
  const all: Rows = {};
  for (const collection of [sessions, messages, toolExecutions, modelCalls] as const) {
    const found = (await from.engine.find(collection as typeof sessions)) as ReadonlyArray<{ id: string }>;
    all[collection.name] = Object.fromEntries(found.map((row) => [row.id, row]));
  }
  return all;
}
