import type { JsonChange } from "../domains/checkpoint-diff.ts";
import type { CheckpointItem as Row } from "../domains/checkpoints.ts";
import { LociError } from "../errors.ts";
import type { Checkpoint } from "../model/checkpoint.ts";
import type { Page } from "./answers.ts";
import { jsonValue, sessionMeant } from "./given.ts";
import { isoTime, type Operation, operation } from "./operation.ts";
import { limitFlag, pageFlag, sessionFlag } from "./params.ts";

export type CheckpointItem = Omit<Row, "createdAt"> & { readonly createdAt: string };

export interface CheckpointAnswer {
  readonly checkpoint: CheckpointItem & { readonly data: unknown };
}

export interface SavedAnswer {
  readonly checkpoint: CheckpointItem;
}

export interface DiffAnswer {
  readonly before: string;
  readonly after: string;
  readonly items: readonly JsonChange[];
}

export interface RemovedCheckpoint {
  readonly removed: string;
}

const projectFlag = {
  kind: "string",
  letter: "p",
  summary: "the project it is of",
  placeholder: "NAME",
} as const;
const idParam = { kind: "string", positional: true, required: true } as const;

const filterFlags = {
  session: { ...sessionFlag, summary: "only of this session" },
  project: { ...projectFlag, summary: "only of this project" },
  type: { kind: "string", summary: "only of this kind", placeholder: "NAME" },
} as const;

function itemOf({ id, type, sessionId, projectId, parentId, createdAt }: Row): CheckpointItem {
  return { id, type, sessionId, projectId, parentId, createdAt: isoTime(createdAt) };
}

export const saveCheckpoint: Operation = operation({
  name: "ckpt save",
  summary: "save the state of a run, to go on from it",
  access: "write",
  params: {
    data: { kind: "string", positional: true, summary: "the state, as JSON" },
    session: sessionFlag,
    project: projectFlag,
    type: { kind: "string", default: "checkpoint", summary: "what kind of state it is", placeholder: "NAME" },
    parent: { kind: "string", summary: "the checkpoint it goes on from", placeholder: "ID" },
  },
  async run(loci, input, context): Promise<SavedAnswer> {
    const { data = "", project, type, parent } = input;
    const row = await loci.checkpoints.save({
      data: jsonValue("A checkpoint's state", data),
      type,
      sessionId: await sessionMeant(loci, input.session, context),
      projectId: project,
      parentId: parent === undefined ? null : (await loci.checkpoints.resolve(parent)).id,
    });
    return { checkpoint: itemOf(row) };
  },
});

export const listCheckpoints: Operation = operation({
  name: "ckpt ls",
  summary: "list checkpoints, newest first",
  access: "read",
  params: { ...filterFlags, limit: { ...limitFlag, default: 10 }, after: pageFlag },
  async run(loci, input, context): Promise<Page<CheckpointItem>> {
    const { project, type, limit, after } = input;
    const sessionId = await sessionMeant(loci, input.session, context);
    const { items, next } = await loci.checkpoints.list({
      sessionId,
      projectId: project,
      type,
      limit,
      after,
    });
    return { items: items.map(itemOf), next };
  },
});

export const showCheckpoint: Operation = operation({
  name: "ckpt show",
  summary: "show a checkpoint with its state; without ID the newest",
  access: "read",
  params: {
    id: { kind: "string", positional: true, summary: "its id, or the beginning of it" },
    ...filterFlags,
  },
  async run(loci, input, context): Promise<CheckpointAnswer> {
    const sessionId = await sessionMeant(loci, input.session, context);
    const filter = { sessionId, projectId: input.project, type: input.type };
    const found: Checkpoint | null =
      input.id === undefined
        ? await loci.checkpoints.latest(filter)
        : await loci.checkpoints.resolve(input.id);
    if (found !== null) return { checkpoint: { ...itemOf(found), data: found.data } };
    throw new LociError("not-found", "No checkpoint of that is saved.", {
      where: loci.place,
      next: "loci ckpt ls",
    });
  },
});

export const diffCheckpoints: Operation = operation({
  name: "ckpt diff",
  summary: "what changed from one checkpoint to another",
  access: "read",
  params: {
    before: { ...idParam, summary: "the one's id, or the beginning of it" },
    after: { ...idParam, summary: "the other's" },
  },
  async run(loci, input): Promise<DiffAnswer> {
    const [before, after] = await Promise.all([
      loci.checkpoints.resolve(input.before),
      loci.checkpoints.resolve(input.after),
    ]);
    return { before: before.id, after: after.id, items: await loci.checkpoints.diff(before.id, after.id) };
  },
});

export const removeCheckpoint: Operation = operation({
  name: "ckpt rm",
  summary: "take a checkpoint away",
  access: "write",
  params: { id: { ...idParam, summary: "its id, or the beginning of it" } },
  async run(loci, input): Promise<RemovedCheckpoint> {
    const { id } = await loci.checkpoints.resolve(input.id);
    await loci.checkpoints.remove(id);
    return { removed: id };
  },
});

export const forkCheckpoint: Operation = operation({
  name: "ckpt fork",
  summary: "save a checkpoint that goes on from another one",
  access: "write",
  params: {
    id: { ...idParam, summary: "its id, or the beginning of it" },
    session: {
      ...sessionFlag,
      summary: "of this session, instead of the other's; it may be one that is yet to come",
    },
    project: { ...projectFlag, summary: "of this project, instead of the other's" },
    type: { kind: "string", summary: "of this kind, instead of the other's", placeholder: "NAME" },
    data: { kind: "string", summary: "the state, as JSON; the other's when left out", placeholder: "JSON" },
  },
  async run(loci, input, context): Promise<SavedAnswer> {
    const { project, type, data, session } = input;
    const { id } = await loci.checkpoints.resolve(input.id);
    const row = await loci.checkpoints.fork(id, {
      ...(session === undefined ? {} : { sessionId: await sessionMeant(loci, session, context) }),
      ...(project === undefined ? {} : { projectId: project }),
      ...(type === undefined ? {} : { type }),
      ...(data === undefined ? {} : { data: jsonValue("A checkpoint's state", data) }),
    });
    return { checkpoint: itemOf(row) };
  },
});
