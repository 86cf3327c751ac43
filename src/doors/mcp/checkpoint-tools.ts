import type { Page } from "../../operations/answers.ts";
import {
  type CheckpointAnswer,
  type CheckpointItem,
  listCheckpoints,
  saveCheckpoint,
  type SavedAnswer,
  showCheckpoint,
} from "../../operations/checkpoints.ts";
import { fittedPage } from "./pages.ts";
import { pieceOf, placeOf } from "./pieces.ts";
import { age, clipped, named } from "./recalled.ts";
import { ask, cursor, quietMaxTokens, type Tool, type ToolCall } from "./tool.ts";

const text = { kind: "string", summary: "" } as const;
const of = { session_id: text, project_id: text, type: text } as const;

const saveCheckpointTool: Tool = {
  name: "save_checkpoint",
  description: "Save the state of a run; load_checkpoint goes on from it.",
  toolset: "memory",
  operation: saveCheckpoint,
  writes: {},
  params: {
    data: { kind: "json", of: "value", required: true, summary: "any JSON" },
    ...of,
    parent_id: { ...text, summary: "what it goes on from" },
  },
  async run(call) {
    const { input } = call;
    const { checkpoint } = await ask<SavedAnswer>(saveCheckpoint, call, {
      data: JSON.stringify(input["data"]),
      session: input["session_id"],
      project: input["project_id"],
      type: input["type"] ?? "checkpoint",
      parent: input["parent_id"],
    });
    const { id, type } = checkpoint;
    return {
      text: `Checkpoint saved as ${id} (${named(type, 60)}). load_checkpoint brings it back.`,
      data: dataOf(checkpoint),
    };
  },
};

const loadCheckpointTool: Tool = {
  name: "load_checkpoint",
  description: "A checkpoint with its state: this id, else the newest of the session, project or type.",
  toolset: "memory",
  operation: showCheckpoint,
  params: { id: text, ...of, cursor, max_tokens: quietMaxTokens },
  async run(call) {
    const { input, context, room } = call;
    const place = placeOf(input["cursor"]);
    const asked = { ...filterOf(call), id: place?.id ?? input["id"] };
    const { checkpoint } = await ask<CheckpointAnswer>(showCheckpoint, call, asked);
    const long = {
      id: checkpoint.id,
      head: headOf(checkpoint, context.now()),
      text: JSON.stringify(checkpoint.data),
      name: "data",
      whole: { data: checkpoint.data },
      data: dataOf(checkpoint),
    };
    return pieceOf(long, { tool: "load_checkpoint", offset: place?.offset ?? 0, room });
  },
};

const listCheckpointsTool: Tool = {
  name: "list_checkpoints",
  description: "Checkpoints, newest first, without their state: load_checkpoint has it.",
  toolset: "memory",
  operation: listCheckpoints,
  params: {
    ...of,
    limit: { kind: "integer", default: 10, min: 1, max: 50, summary: "", hidden: true },
    cursor,
    max_tokens: quietMaxTokens,
  },
  run(call) {
    const { input, context } = call;
    const names = ["session_id", "project_id", "type", "limit"];
    return fittedPage(call, { tool: "list_checkpoints", list: "checkpoints", names }, async (limit) => {
      const asked = { ...filterOf(call), limit, after: input["cursor"] };
      const { items, next } = await ask<Page<CheckpointItem>>(listCheckpoints, call, asked);
      return {
        head: items.length === 0 ? "No checkpoint matches." : "Checkpoints, newest first",
        entries: items.map((item) => ({ text: headOf(item, context.now()), data: dataOf(item) })),
        next: (shown) => (shown === items.length ? next : undefined),
      };
    });
  },
};

function filterOf({ input }: ToolCall): Record<string, unknown> {
  return { session: input["session_id"], project: input["project_id"], type: input["type"] };
}

function headOf({ id, type, sessionId, projectId, createdAt }: CheckpointItem, now: number): string {
  return [
    `checkpoint ${id}`,
    named(type, 60),
    ...(sessionId === null ? [] : [`session ${named(sessionId, 200)}`]),
    ...(projectId === null ? [] : [`project ${named(projectId, 200)}`]),
    age(createdAt, now),
  ].join(" · ");
}

function dataOf({ id, type, sessionId, projectId, parentId, createdAt }: CheckpointItem): {
  readonly [name: string]: unknown;
} {
  return {
    id,
    type: clipped(type, 60),
    session_id: sessionId === null ? null : clipped(sessionId, 200),
    project_id: projectId === null ? null : clipped(projectId, 200),
    parent_id: parentId,
    created_at: createdAt,
  };
}

export const checkpointTools: readonly Tool[] = [saveCheckpointTool, loadCheckpointTool, listCheckpointsTool];
