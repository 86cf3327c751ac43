import type { Engine } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import { type Task, tasks } from "../../model/task.ts";
import { leaseEnd } from "../clock.ts";
import { findFree } from "./claim.ts";
import { findTask } from "./held.ts";

export interface ClaimOne {
  readonly agent: string;
  /** How long it is the agent's without a renewal. Default 30 s. */
  readonly lease?: Millis | undefined;
}

/**
 * This task and no other, for programs that give out work by name. What is asked of an agent for a claim from the
 * queue is not asked here. Errors: `busy` where it is not ready, with who has it.
 */
export async function claimOne(
  engine: Engine,
  id: string,
  { agent, lease = 30_000, at }: ClaimOne & { readonly at: Millis },
): Promise<Task> {
  const take = (): Promise<Task[]> =>
    engine.take(
      tasks,
      { where: { id, status: "ready" }, limit: 1 },
      {
        status: "running",
        agentId: agent,
        claimedAt: at,
        dueAt: leaseEnd(at, lease),
        attempts: { add: 1 },
        fence: { add: 1 },
        progress: null,
        progressNote: null,
      },
    );
  const [task] = await take();
  if (task !== undefined) return task;
  const { status: now } = await findFree(engine, id, at);
  const [again] = now === "ready" ? await take() : [];
  if (again !== undefined) return again;
  const { status, agentId } = await findTask(engine, id);
  const holder = status === "running" ? `: ${agentId ?? "somebody"} has it` : "";
  throw new LociError("busy", `${id} is ${status}${holder}.`, { next: `loci task show ${id}` });
}
