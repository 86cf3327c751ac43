import type { Happening } from "../../../model/happening.ts";
import { type JsonObject, objectOf, textOf } from "../claude-code/line.ts";
import { mostCalled } from "../claude-code/session.ts";
import { titleOf } from "../claude-code/title.ts";
import type { CodexState } from "./state.ts";

/** What the head of a file says of its session. A second head in it is that of the session it was forked from. */
export function noteHead(state: CodexState, payload: JsonObject): void {
  const id = textOf(payload["id"]);
  if (state.started && id !== state.sessionId) {
    state.forkedFrom ??= id ?? null;
    return;
  }
  state.started = true;
  state.seen = true;
  state.projectPath ??= textOf(payload["cwd"]) ?? null;
  state.version = textOf(payload["cli_version"]) ?? state.version;
  state.provider = textOf(payload["model_provider"]) ?? state.provider;
  state.forkedFrom ??= textOf(payload["forked_from_id"]) ?? null;
  const git = objectOf(payload["git"]);
  state.gitBranch = textOf(git?.["branch"]) ?? state.gitBranch;
  note(state, "commit", git?.["commit_hash"]);
  note(state, "repository", git?.["repository_url"]);
  note(state, "originator", payload["originator"]);
  noteAgent(state, payload);
}

function note(state: CodexState, name: string, value: unknown): void {
  const text = textOf(value);
  if (text !== undefined) state.metadata[name] = text;
}

/** `source` names what started the session; for a sub-agent, the thread it was started by. */
function noteAgent(state: CodexState, payload: JsonObject): void {
  const source = objectOf(payload["source"])?.["subagent"];
  const spawned = objectOf(objectOf(source)?.["thread_spawn"]);
  state.parentSessionId =
    textOf(payload["parent_thread_id"]) ?? textOf(spawned?.["parent_thread_id"]) ?? state.parentSessionId;
  const isAgent = source !== undefined || payload["thread_source"] === "subagent";
  if (!isAgent && state.parentSessionId === null) return;
  state.agentType =
    textOf(payload["agent_role"]) ?? textOf(spawned?.["agent_role"]) ?? textOf(source) ?? "subagent";
  state.agentId = textOf(payload["agent_nickname"]) ?? textOf(spawned?.["agent_nickname"]) ?? state.agentId;
}

/** The session as its lines tell it so far. */
export function sessionHappening(state: CodexState): Happening {
  const startedAt = state.startedAt ?? state.lastAt ?? 0;
  const metadata = {
    ...(state.version === null ? {} : { version: state.version }),
    ...(state.forkedFrom === null ? {} : { forkedFrom: state.forkedFrom }),
    ...state.metadata,
  };
  return {
    kind: "session",
    id: state.sessionId,
    agentType: state.agentType ?? "codex",
    model: mostCalled(state.models) ?? state.model,
    provider: state.provider,
    startedAt,
    endedAt: Math.max(startedAt, state.endedAt ?? startedAt),
    status: state.status,
    errorMessage: state.errorMessage,
    metadata: Object.keys(metadata).length === 0 ? null : metadata,
    projectPath: state.projectPath,
    title: state.titles.custom ?? state.titles.prompt ?? null,
    source: "codex",
    sourceId: null,
    agentId: state.agentId,
    parentSessionId: state.parentSessionId,
    gitBranch: state.gitBranch,
  };
}

/** Text that Codex put in the user's place: what surrounds it, instructions, notes on what happened. */
export function isMachineText(text: string): boolean {
  return /^\s*(<[a-zA-Z_]+[ >]|# AGENTS\.md instructions)/.test(text);
}

export function noteName(state: CodexState, given: unknown): void {
  const title = titleOf(textOf(given) ?? "");
  if (title !== undefined) state.titles.custom = title;
}
