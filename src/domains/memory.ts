import { type Engine, insert, remove, update, type Where } from "../engine/engine.ts";
import { LociError } from "../errors.ts";
import type { Millis } from "../model/collection.ts";
import { newId } from "../model/id.ts";
import { type AgentMemory, agentMemory } from "../model/memory.ts";
import { messages } from "../model/message.ts";
import { needed, newestOf, onlyOne, replacedBy } from "./chain.ts";
import { fence, refuseRecalled } from "./recalled.ts";
import type { Page } from "./sessions.ts";

export interface MemoryGiven {
  readonly agentId: string;
  readonly decisionType: string;
  readonly decisionData: unknown;
  readonly context?: unknown;
  readonly sessionId?: string | null | undefined;
  /** Without a session of its own, the decision belongs to the message's. */
  readonly messageId?: string | null | undefined;
  readonly scope?: string | undefined;
  readonly supersedes?: string | null | undefined;
}

export interface MemoryQuery {
  readonly agentId?: string | undefined;
  readonly decisionType?: string | undefined;
  readonly scope?: string | undefined;
  readonly sessionId?: string | undefined;
  /** Superseded ones too. */
  readonly history?: boolean | undefined;
  /** 1 to 1,000; 10 when left out. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

export interface Memory {
  /** Keeps a decision. Errors: `invalid` for recalled text and for what was superseded already, `not-found`. */
  add(given: MemoryGiven): Promise<AgentMemory>;
  /** Decisions, newest first. */
  list(query?: MemoryQuery): Promise<Page<AgentMemory>>;
  get(id: string): Promise<AgentMemory | null>;
  /** The decision with this id, or the only one whose id begins with it. Errors: `not-found`. */
  resolve(idOrPrefix: string): Promise<AgentMemory>;
  /** Replaces a decision: who decided what kind of thing for whom is taken from it where it is not given. */
  supersede(
    id: string,
    given: Partial<MemoryGiven> & Pick<MemoryGiven, "decisionData">,
  ): Promise<AgentMemory>;
  /**
   * Takes a decision away that was recorded by mistake; one that replaced it replaces what it had replaced, and without
   * one, that is current again. Errors: `not-found`.
   */
  remove(id: string): Promise<void>;
  /** A decision and the ones it replaced, newest first. */
  history(id: string): Promise<AgentMemory[]>;
  /** Decisions as text for an agent: fenced, with source and age. */
  recall(query?: MemoryQuery): Promise<string>;
}

export function createMemory(engine: Engine, { now }: { readonly now: () => Millis }): Memory {
  const get = (id: string): Promise<AgentMemory | null> => getMemory(engine, id);
  const list = (query: MemoryQuery = {}): Promise<Page<AgentMemory>> => listMemory(engine, query);
  const add = (given: MemoryGiven): Promise<AgentMemory> => addMemory(engine, given, now());
  return {
    get,
    list,
    add,

    async resolve(idOrPrefix) {
      const exact = await get(idOrPrefix);
      const found =
        exact !== null || idOrPrefix.length < 4
          ? [exact].filter((row) => row !== null)
          : await engine.find(agentMemory, { where: { id: { startsWith: idOrPrefix } }, limit: 5 });
      return onlyOne(found, idOrPrefix, { noun: "decision", where: engine.place, next: "loci memory ls" });
    },

    async supersede(id, given) {
      const { agentId, decisionType, scope } = await known(engine, id);
      return add({ agentId, decisionType, scope, ...given, supersedes: id });
    },

    async remove(id) {
      const { supersedes } = await known(engine, id);
      await engine.write([
        remove(agentMemory, { id }),
        // Else what this one had replaced would come back beside the newer one.
        update(agentMemory, { supersedes: id }, { supersedes }),
      ]);
    },

    async history(id) {
      const chain: AgentMemory[] = [];
      let row = await get(id);
      // Rows that were brought in from elsewhere might replace each other in a circle.
      while (row !== null && !chain.some((one) => one.id === row?.id)) {
        chain.push(row);
        row = row.supersedes === null ? null : await get(row.supersedes);
      }
      return chain;
    },

    async recall(query) {
      const { items } = await list(query);
      return items
        .map((row) => fence(spoken(row), { from: sourceOf(row), at: row.createdAt }, now()))
        .join("\n");
    },
  };
}

async function getMemory(engine: Engine, id: string): Promise<AgentMemory | null> {
  return (await engine.find(agentMemory, { where: { id }, limit: 1 }))[0] ?? null;
}

async function known(engine: Engine, id: string): Promise<AgentMemory> {
  const row = await getMemory(engine, id);
  if (row !== null) return row;
  throw new LociError("not-found", `No decision has the id ${JSON.stringify(id)}.`, {
    where: engine.place,
    next: "loci memory ls",
  });
}

async function addMemory(engine: Engine, given: MemoryGiven, at: Millis): Promise<AgentMemory> {
  const { decisionData, context = null, messageId = null, supersedes = null, scope = "agent" } = given;
  refuseRecalled({ decisionData, context });
  if (decisionData === undefined || decisionData === null) {
    throw new LociError("invalid", "decisionData is what was decided: a JSON value, and not null.");
  }
  const row: AgentMemory = {
    id: newId(at),
    agentId: needed("agentId", given.agentId),
    decisionType: needed("decisionType", given.decisionType),
    decisionData,
    context,
    createdAt: at,
    sessionId: given.sessionId ?? (await sessionOf(engine, messageId)),
    messageId,
    scope: needed("scope", scope),
    supersedes,
  };
  if (supersedes !== null) await known(engine, supersedes);
  const [written] = await engine.write([insert(agentMemory, [row])]);
  if (written === 1) return row;
  const [other] = await engine.find(agentMemory, { where: { supersedes }, limit: 1 });
  throw new LociError("invalid", `${supersedes} was superseded already, by ${other?.id ?? "another"}.`, {
    next: `Supersede ${other?.id ?? "that one"} instead.`,
  });
}

/** The session of a message, as far as the message is in the store by now. */
export async function sessionOf(engine: Engine, messageId: string | null): Promise<string | null> {
  if (messageId === null) return null;
  const [message] = await engine.find(messages, { where: { id: messageId }, fields: ["id", "sessionId"] });
  return message?.sessionId ?? null;
}

function listMemory(engine: Engine, query: MemoryQuery): Promise<Page<AgentMemory>> {
  const { agentId, decisionType, scope, sessionId, history = false, limit = 10 } = query;
  const where: Where<AgentMemory> = {
    ...(agentId === undefined ? {} : { agentId }),
    ...(decisionType === undefined ? {} : { decisionType }),
    ...(scope === undefined ? {} : { scope }),
    ...(sessionId === undefined ? {} : { sessionId }),
  };
  return newestOf<AgentMemory>({
    limit,
    after: query.after,
    history,
    page: (after, size) =>
      engine.find(agentMemory, { where, orderBy: [["createdAt", "down"]], limit: size, ...after }),
    superseded: async (ids) =>
      replacedBy(
        await engine.find(agentMemory, { where: { supersedes: { anyOf: ids } }, fields: ["supersedes"] }),
      ),
  });
}

function spoken({ decisionType, decisionData, context }: AgentMemory): string {
  const why = context === null ? "" : `\ncontext: ${textOf(context)}`;
  return `${decisionType}: ${textOf(decisionData)}${why}`;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function sourceOf({ id, agentId, sessionId, messageId }: AgentMemory): string {
  return [
    `memory ${id} of ${agentId}`,
    ...(sessionId === null ? [] : [`session ${sessionId}`]),
    ...(messageId === null ? [] : [`message ${messageId}`]),
  ].join(", ");
}
