import { checkpoints } from "../model/checkpoint.ts";
import { knowledge } from "../model/knowledge.ts";
import { sessions } from "../model/session.ts";
import { type Operation, operation } from "./operation.ts";

export interface Completed {
  readonly ids: readonly string[];
  /** Others begin so too. */
  readonly more: boolean;
}

export const completeIds: Operation = operation({
  name: "complete-ids",
  summary: "ids that begin with a text; of none, the newest",
  access: "read",
  params: {
    of: {
      kind: "enum",
      required: true,
      choices: ["session", "knowledge", "checkpoint"],
      summary: "what they name",
    },
    beginning: { kind: "string", default: "", summary: "how they begin" },
    limit: { kind: "integer", default: 20, min: 1, max: 100, summary: "how many" },
  },
  async run(loci, { of, beginning, limit }): Promise<Completed> {
    const where = beginning === "" ? {} : { id: { startsWith: beginning } };
    const one = { where, limit: limit + 1, fields: ["id"] } as const;
    const newest = [["createdAt", "down"]] as const;
    const found =
      of === "session"
        ? await loci.engine.find(sessions, {
            ...one,
            orderBy: beginning === "" ? [["updatedAt", "down"]] : [["id", "up"]],
          })
        : of === "knowledge"
          ? await loci.engine.find(knowledge, { ...one, orderBy: beginning === "" ? newest : [["id", "up"]] })
          : await loci.engine.find(checkpoints, {
              ...one,
              orderBy: beginning === "" ? newest : [["id", "up"]],
            });
    return { ids: found.slice(0, limit).map(({ id }) => id), more: found.length > limit };
  },
});
