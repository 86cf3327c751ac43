import type { LineReader, LiveSource } from "../../../domains/live-source.ts";
import { type Engine, remove } from "../../../engine/engine.ts";
import type { Happening } from "../../../model/happening.ts";
import { stableId } from "../../../model/id.ts";
import { messages } from "../../../model/message.ts";
import { modelCalls } from "../../../model/model-call.ts";
import { importedFiles } from "../../../model/raw-event.ts";
import { familyHappenings } from "../claude-code/family.ts";
import { type JsonObject, objectOf, parseLine, textOf } from "../claude-code/line.ts";
import { familyIn, parserState } from "../claude-code/live.ts";
import { createParser, type Parser } from "../claude-code/parser.ts";
import { sourceName } from "../claude-code/session.ts";
import type { ParserState } from "../claude-code/state.ts";
import { noteCostState } from "../claude-code/usage.ts";
import {
  noticeMetadata,
  noticeText,
  type Outcome,
  outcomeOf,
  resultMetadata,
  resultText,
} from "./outcome.ts";
import { transcriptLine } from "./transcript-line.ts";

export const streamSource = "claude-agent-sdk";

const rememberedCalls = 5_000;

interface QueryState {
  readonly format: 1;
  readonly main: ParserState;
  readonly agents: Record<string, ParserState>;
  cwd: string | null;
  version: string | null;
  /** Something was asked, and no result has come. */
  open: boolean;
  outcome: Outcome | null;
  /** Messages that a transcript has under another name. */
  readonly prompts: string[];
  /** Model calls with what was known of them at their start: a transcript knows all. */
  readonly calls: string[];
}

/**
 * What `query()` yields. What the transcript has as well becomes the same rows, with the same ids; where both are
 * recorded, the wrapper leaves it out.
 */
export const claudeAgentSdkLive: LiveSource = {
  sessionOf: (rootId) => rootId,
  reader({ rootId }, { at, state }) {
    const known = queryState(state);
    const query: QueryState = known ?? {
      ...{
        format: 1,
        agents: {},
        cwd: null,
        version: null,
        open: false,
        outcome: null,
        prompts: [],
        calls: [],
      },
      main: createParser({ sessionId: rootId, at }).state,
    };
    return createReader(query, rootId);
  },
  async together(engine, rootId, parts) {
    const query = parts.map((part) => (part.source === streamSource ? queryState(part.state) : undefined));
    const told = query.find((state) => state !== undefined);
    return told === undefined ? [] : togetherWith(engine, rootId, { query: told, ...familyIn(parts) });
  },
};

function createReader(query: QueryState, rootId: string): LineReader {
  const main = createParser(query.main);
  const agents = new Map(Object.entries(query.agents).map(([id, state]) => [id, createParser(state)]));
  const agentOf = (agentId: string, at: number): Parser => {
    const known = agents.get(agentId);
    if (known !== undefined) return known;
    const subpath = `subagents/agent-${agentId}.jsonl`;
    const sessionId = `${rootId}/${agentId}`;
    const made = createParser({ sessionId, parentSessionId: rootId, agentId, subpath, at });
    agents.set(agentId, made);
    return made;
  };
  return {
    read(text, out, at) {
      const message = objectOf(parseLine(text));
      if (message === undefined) return;
      const line = transcriptLine(message, { sessionId: rootId, cwd: query.cwd, version: query.version });
      const agentId = textOf(message["agent_id"]);
      if (line !== undefined) {
        (agentId === undefined ? main : agentOf(agentId, at)).read(JSON.stringify(line), out);
      }
      if (message["subtype"] === "task_started") noteTask(agentOf, message, at);
      noteMessage(query, message, { rootId, at, out, state: main.state });
    },
    flush(out) {
      const from = out.length;
      main.flush(out);
      for (const agent of agents.values()) agent.flush(out);
      for (const { kind, id } of out.slice(from)) {
        if (kind === "modelCall" && id !== undefined && !query.calls.includes(id)) query.calls.push(id);
      }
      query.calls.splice(0, Math.max(0, query.calls.length - rememberedCalls));
      out.push(sessionPatch(rootId, query));
    },
    get state() {
      const states = [...agents].map(([id, agent]) => [id, agent.state] as const);
      return { ...query, main: main.state, agents: Object.fromEntries(states) } satisfies QueryState;
    },
    summary: null,
  };
}

/** What a sub-agent is; those that run a command in the background are none. */
function noteTask(agentOf: (id: string, at: number) => Parser, message: JsonObject, at: number): void {
  const agentType = textOf(message["subagent_type"]);
  const agentId = textOf(message["task_id"]);
  if (agentType === undefined || agentId === undefined) return;
  const { state } = agentOf(agentId, at);
  state.agentType = agentType;
  state.meta = {
    agentType,
    description: message["description"] ?? null,
    toolUseId: message["tool_use_id"] ?? null,
    spawnDepth: message["spawn_depth"] ?? null,
  };
}

interface Noting {
  readonly rootId: string;
  readonly at: number;
  readonly out: Happening[];
  readonly state: ParserState;
}

function noteMessage(query: QueryState, message: JsonObject, { rootId, at, out, state }: Noting): void {
  const say = (content: string, metadata: JsonObject): void => {
    const name = textOf(message["uuid"]) ?? String(out.length);
    const id = stableId(at, rootId, "query", name);
    out.push({ kind: "message", id, sessionId: rootId, role: "system", content, createdAt: at, metadata });
  };
  const { type, subtype } = message;
  if (type === "system" && subtype === "init") {
    query.cwd = textOf(message["cwd"]) ?? query.cwd;
    query.version = textOf(message["claude_code_version"]) ?? query.version;
    query.open = true;
  } else if (type === "result") {
    query.outcome = outcomeOf(message, at);
    query.open = false;
    noteCostState(state, message, at);
    say(resultText(message, query.outcome), resultMetadata(message));
  } else if (type === "loci" && subtype === "prompt") {
    const prompt = out.findLast((one) => one.kind === "message" && one.role === "user")?.id;
    if (prompt !== undefined) query.prompts.push(prompt);
    query.open = true;
  } else if (type === "loci" && subtype === "end") {
    if (query.open) query.outcome = endedOutcome(message, at);
    query.open = false;
  } else if (type === "system") {
    const notice = noticeText(message);
    if (notice !== undefined) say(notice, noticeMetadata(message));
  }
}

/** The stream ended without a result. */
function endedOutcome(end: JsonObject, at: number): Outcome {
  const error = textOf(end["error"]);
  if (end["aborted"] === true || error === undefined) {
    return { at, status: "interrupted", errorMessage: error ?? "The run was ended before its result." };
  }
  return { at, status: "error", errorMessage: error };
}

function sessionPatch(id: string, { outcome, cwd, open }: QueryState): Happening {
  const ended =
    outcome === null || open ? {} : { status: outcome.status, errorMessage: outcome.errorMessage };
  return {
    kind: "session",
    id,
    agentType: sourceName,
    source: sourceName,
    ...(cwd === null ? {} : { projectPath: cwd }),
    ...ended,
  };
}

interface Family {
  readonly query: QueryState;
  readonly main: ParserState | undefined;
  readonly children: readonly ParserState[];
}

/** Beside a transcript, only what it does not say: how the run ended, and what it cost where the file was cut off. */
async function togetherWith(
  engine: Engine,
  rootId: string,
  { query, main, children }: Family,
): Promise<Happening[]> {
  const { outcome } = query;
  const [file] = await engine.find(importedFiles, { where: { id: rootId }, fields: ["id", "state"] });
  const imported = file === undefined ? undefined : parserState(objectOf(file.state)?.["parser"]);
  const transcript = main ?? imported;
  if (transcript === undefined) return familyHappenings(engine, query.main, Object.values(query.agents));
  await takeBack(engine, query);
  const told: Happening[] = [];
  if (main !== undefined && main.told === null && query.main.told !== null && imported === undefined) {
    const usage = { ...main.usage };
    told.push(
      ...(await familyHappenings(engine, { ...main, told: { ...query.main.told, usage } }, children)),
    );
  }
  // What was said since, by a run that nobody wrapped, is newer.
  const isNewest = outcome !== null && outcome.at >= (transcript.endedAt ?? 0) - clockSlack;
  return isNewest ? [...told, sessionPatch(rootId, query)] : told;
}

/** What the transcript has under another name, or knows better. */
async function takeBack(engine: Engine, { prompts, calls }: QueryState): Promise<void> {
  if (prompts.length === 0 && calls.length === 0) return;
  await engine.write([
    remove(messages, { id: { anyOf: prompts } }),
    remove(modelCalls, { id: { anyOf: calls }, final: false }),
  ]);
}

/** Lines get their moment in the agent's process, and are noted in this one. */
const clockSlack = 1_000;

function queryState(state: unknown): QueryState | undefined {
  const given = objectOf(state);
  if (given?.["format"] !== 1 || parserState(given["main"]) === undefined) return undefined;
  // Written by `reader` in this form.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return structuredClone(state) as QueryState;
}
