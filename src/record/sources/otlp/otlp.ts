import { createHash } from "node:crypto";
import type { Happening } from "../../../model/happening.ts";
import type { JsonObject } from "../claude-code/line.ts";
import { titleOf } from "../claude-code/title.ts";
import { aiSdkTelling } from "./ai-sdk.ts";
import { claudeTelling } from "./claude.ts";
import { codexTelling } from "./codex.ts";
import { geminiTelling } from "./gemini.ts";
import { genAiTelling } from "./genai.ts";
import { type Signal, type SignalKind, signalsOf } from "./signal.ts";
import { type Telling, textIn } from "./telling.ts";

export interface Received {
  readonly happenings: readonly Happening[];
  /** Records that tell of no session: spans of a web server, metrics of a process. They are taken, and not kept. */
  readonly unrelated: number;
  readonly rejected: number;
}

/** What one request tells. Pure, and the same for the same request: whoever sends it twice changes nothing. */
export function readTelemetry(kind: SignalKind, request: JsonObject, now: number): Received {
  const { signals, rejected } = signalsOf(kind, request, now);
  const sessions = new Map<string, SessionParts>();
  const rows: Happening[] = [];
  let unrelated = 0;
  for (const signal of signals) {
    const telling = tellingOf(signal);
    if (telling === undefined) {
      unrelated++;
      continue;
    }
    noteSession(sessions, signal, telling);
    rows.push(...telling.rows, rawOf(signal, telling.sessionId));
  }
  return { happenings: [...[...sessions].map(sessionHappening), ...rows], unrelated, rejected };
}

/** The record as it came, with all its attributes: what we do not know today may be read tomorrow. */
function rawOf({ kind, traceId, spanId, scope, resource, raw }: Signal, sessionId: string): Happening {
  const line = JSON.stringify({ kind, scope, resource, record: raw });
  const name =
    kind === "traces" ? `${traceId}/${spanId}` : createHash("sha256").update(line).digest("hex").slice(0, 32);
  const version = textIn(resource, "service.version");
  return {
    kind: "rawEvent",
    sessionId,
    // Apart from the lines of the runtime's own record.
    subpath: "otlp",
    source: "otlp",
    ...(version === undefined ? {} : { version }),
    uuid: name,
    line,
  };
}

/** The source is told by names: each runtime has its own, and its own idea of what they mean. */
function tellingOf(signal: Signal): Telling | undefined {
  const { name, scope, resource, attributes } = signal;
  const service = textIn(resource, "service.name") ?? "";
  if (name.startsWith("claude_code.") || scope.startsWith("com.anthropic.claude_code"))
    return claudeTelling(signal);
  if (name.startsWith("codex.") || service.startsWith("codex")) return codexTelling(signal);
  if (name.startsWith("gemini_cli.") || service === "gemini-cli") return geminiTelling(signal);
  if (/^ai\.[a-z]/.test(name)) return aiSdkTelling(signal);
  const speaks = Object.keys(attributes).some(
    (key) => key.startsWith("gen_ai.") || key.startsWith("llm.usage."),
  );
  return speaks || name.startsWith("gen_ai.") ? genAiTelling(signal) : undefined;
}

interface SessionParts {
  startedAt: number;
  endedAt: number;
  title: string | undefined;
  readonly service: JsonObject;
  facts: Telling["facts"];
}

function noteSession(
  sessions: Map<string, SessionParts>,
  signal: Signal,
  { sessionId, facts }: Telling,
): void {
  const { startedAt, endedAt, resource } = signal;
  const known = sessions.get(sessionId);
  const given = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
  const title = facts.prompt === undefined ? undefined : titleOf(facts.prompt);
  if (known !== undefined) {
    known.startedAt = Math.min(known.startedAt, startedAt);
    known.endedAt = Math.max(known.endedAt, endedAt);
    known.title ??= title;
    known.facts = { ...known.facts, ...given };
    return;
  }
  const version = textIn(resource, "service.version");
  const service = {
    ...(textIn(resource, "service.name") === undefined ? {} : { service: textIn(resource, "service.name") }),
    ...(version === undefined ? {} : { version }),
  };
  sessions.set(sessionId, { startedAt, endedAt, title, service, facts: given });
}

/** Nothing in telemetry says that a session is over: it ends, for now, with the last that was heard of it. */
function sessionHappening([id, parts]: readonly [string, SessionParts]): Happening {
  const { startedAt, endedAt, title, service, facts } = parts;
  const { prompt: _, ...known } = facts;
  return {
    kind: "session",
    id,
    source: "otlp",
    ...known,
    startedAt,
    endedAt,
    ...(title === undefined ? {} : { title }),
    metadata: service,
  };
}
