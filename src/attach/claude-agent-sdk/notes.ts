import { randomUUID } from "node:crypto";
import { writeSync } from "node:fs";
import type { Recorder } from "../../record/recorder.ts";
import { streamSource } from "../../record/sources/claude-agent-sdk/live.ts";
import { objectOf } from "../../record/sources/claude-code/line.ts";
import type { LociSessionStore } from "./session-store.ts";

export interface NotesParts {
  readonly recorder: Pick<Recorder, "record">;
  /** The store that the query was given: what it is given is left out here. */
  readonly store: LociSessionStore | undefined;
  readonly warn: ((sentence: string) => void) | false | undefined;
}

/** Notes what a query yields. Nothing in here waits, throws or changes what it is given. */
export interface Notes {
  message(message: unknown): void;
  prompt(message: unknown): void;
  end(reason: { readonly error?: unknown; readonly aborted?: boolean }): void;
}

/** Partial answers are four times the rest, and the whole answer follows. */
const leftOut: ReadonlySet<unknown> = new Set(["stream_event"]);
/** What the transcript has. */
const inTranscript: ReadonlySet<unknown> = new Set(["assistant", "user"]);

export function createNotes({ recorder, store, warn }: NotesParts): Notes {
  let sessionId: string | undefined;
  let told = false;
  let ended = false;
  /** Prompts that were given before anybody said which session it is. */
  const early: object[] = [];

  function note(line: object, uuid: unknown): void {
    if (sessionId === undefined) return;
    recorder.record({
      ...{ kind: "rawEvent", sessionId, subpath: "query", source: streamSource },
      uuid: typeof uuid === "string" ? uuid : undefined,
      line: JSON.stringify(line),
    });
  }

  function own(subtype: string, more: object): void {
    const line = { type: "loci", subtype, uuid: randomUUID(), timestamp: new Date().toISOString(), ...more };
    if (sessionId === undefined) early.push(line);
    else note(line, line.uuid);
  }

  function message(given: unknown): void {
    const line = objectOf(given);
    if (line === undefined) return;
    const { type, session_id: id, uuid } = line;
    if (typeof id === "string" && id !== "") sessionId = id;
    if (sessionId === undefined || leftOut.has(type)) return;
    for (const prompt of early.splice(0)) note(prompt, undefined);
    if (store === undefined || !inTranscript.has(type)) note(line, uuid);
    if (type === "result" && store?.appended(sessionId) === 0) mismatch(sessionId);
  }

  function mismatch(id: string): void {
    if (told || warn === false) return;
    told = true;
    const sentence =
      `Loci: the Claude Agent SDK gave its session store no line of session ${id}. Where options.env changes HOME or ` +
      "CLAUDE_CONFIG_DIR for the agent, this process needs the same CLAUDE_CONFIG_DIR; docs/claude-agent-sdk.md.";
    if (warn === undefined) writeSync(2, `${sentence}\n`);
    else warn(sentence);
  }

  const safely = <Args extends unknown[]>(work: (...args: Args) => void) => {
    return (...args: Args): void => {
      try {
        work(...args);
      } catch {
        // A getter that throws, a closed stderr, a recorder that is none: the agent must not notice.
      }
    };
  };
  return {
    message: safely(message),
    prompt: safely((given: unknown) => {
      if (store === undefined) own("prompt", { message: { role: "user", content: given } });
    }),
    end: safely(({ error, aborted }: { readonly error?: unknown; readonly aborted?: boolean }) => {
      if (ended) return;
      ended = true;
      const text = error instanceof Error ? error.message : error === undefined ? undefined : String(error);
      const isAbort = aborted === true || (error instanceof Error && error.name === "AbortError");
      own("end", { ...(text === undefined ? {} : { error: text }), ...(isAbort ? { aborted: true } : {}) });
    }),
  };
}
