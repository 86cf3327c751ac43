import { errorCode } from "../../errors.ts";
import type { Happening } from "../../model/happening.ts";
import { type JsonObject, objectOf, textOf } from "../../record/sources/claude-code/line.ts";
import { type OpenCodeEvent, openCodeEvent } from "../../record/sources/opencode/event.ts";
import {
  createOpenCodeSource,
  type LoadedSession,
  type OpenCodeSource,
} from "../../record/sources/opencode/live.ts";
import type { OpencodeApi } from "./api.ts";

/** What of a server is recorded. */
export interface OpencodeFilter {
  /** Only sessions of this folder. */
  readonly directory?: string | undefined;
  /** Only this session, and the sub-agents it starts. */
  readonly session?: string | undefined;
}

export interface IntakeParts extends OpencodeFilter {
  readonly record: (happening: Happening) => unknown;
  readonly ask: OpencodeApi["ask"] | undefined;
  readonly now: () => number;
}

/** Events that are remembered, so that none is kept twice where it comes by two ways. */
const remembered = 20_000;
/** Sessions whose tables stay in memory. */
const heldSessions = 32;
/** A session that could not be asked for is asked for again after this. */
const askAgain = 2_000;

/**
 * Events go in, happenings to the recorder. Of a session that is not known, its begin is asked for first: an event
 * says only what changed.
 */
export class Intake {
  readonly #parts: IntakeParts;
  readonly #source: OpenCodeSource = createOpenCodeSource();
  /** Which sessions are recorded. */
  readonly #verdicts = new Map<string, boolean>();
  readonly #seen = new Set<string>();
  readonly #failed = new Map<string, number>();

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** Takes an event; answers false where it is not one of a session that is recorded. */
  async take(value: unknown): Promise<boolean> {
    const event = openCodeEvent(value);
    const id = event?.sessionId;
    if (event === undefined || id === undefined) return false;
    const info = event.type.startsWith("session.") ? objectOf(event.properties["info"]) : undefined;
    if (info !== undefined) await this.#decide(id, info);
    if (this.#verdicts.get(id) === false) return false;
    // What was missed was told by its session's newest state: an older one would undo it for a moment.
    if (event.id !== undefined && this.#seen.has(event.id)) return true;
    const kept = this.#verdicts.get(id) === true && this.#keep(event);
    if (!this.#source.knows(id) && info === undefined) await this.#ask(id);
    if (!this.#accepted(id)) return false;
    if (!kept) this.#keep(event);
    this.#tell(this.#source.event(event, this.#parts.now()));
    if (event.type === "session.idle") this.#source.trim(heldSessions);
    return true;
  }

  /** Was this event taken already? */
  saw(id: string): boolean {
    return this.#seen.has(id);
  }

  /** Keeps a durable event that was missed: what became of it, `load` told. */
  async keepMissed(value: unknown): Promise<void> {
    const event = openCodeEvent(value);
    if (event?.sessionId !== undefined && this.#accepted(event.sessionId)) this.#keep(event);
  }

  /**
   * Asks for a whole session. Answers false where it is not there any more, or not one that is recorded. Rejects where
   * the server cannot be asked now.
   */
  async load(id: string): Promise<boolean> {
    const { ask } = this.#parts;
    if (ask === undefined) return false;
    const path = `/session/${encodeURIComponent(id)}`;
    const found = await ask(path).catch(orNothing);
    const info = objectOf(found?.body);
    if (info === undefined || !(await this.#decide(id, info))) return false;
    const place = textOf(info["directory"]);
    const of = place === undefined ? "" : `?directory=${encodeURIComponent(place)}`;
    const [said, states] = await Promise.all([
      ask(`${path}/message${of}`).catch(orNothing),
      ask(`/session/status${of}`).catch(orNothing),
    ]);
    const state = textOf(objectOf(objectOf(states?.body)?.[id])?.["type"]);
    const busy = state !== undefined && state !== "idle";
    this.#tell(this.#source.load({ info, messages: messagesOf(said?.body), busy }));
    return true;
  }

  /** The same where an event asks for it, which tells what it can by itself. */
  async #ask(id: string): Promise<void> {
    const now = this.#parts.now();
    if ((this.#failed.get(id) ?? 0) > now) return;
    this.#failed.set(id, now + askAgain);
    if (await this.load(id).catch(() => false)) this.#failed.delete(id);
  }

  /** The server is gone, and with it what it was doing. */
  gone(): void {
    this.#tell(this.#source.gone());
  }

  running(): string[] {
    return this.#source.running();
  }

  #accepted(id: string): boolean {
    const { directory, session } = this.#parts;
    return this.#verdicts.get(id) ?? (directory === undefined && session === undefined);
  }

  async #decide(id: string, info: JsonObject): Promise<boolean> {
    const { directory, session } = this.#parts;
    const parent = textOf(info["parentID"]);
    const known = this.#verdicts.get(id);
    if (known !== undefined) return known;
    if (session !== undefined && parent !== undefined && id !== session && !this.#verdicts.has(parent)) {
      await this.load(parent);
    }
    const fits =
      (directory === undefined || textOf(info["directory"]) === directory) &&
      (session === undefined ||
        id === session ||
        (parent !== undefined && this.#verdicts.get(parent) === true));
    this.#verdicts.set(id, fits);
    return fits;
  }

  /** Keeps an event as it is. What only repeats a growing text, bit by bit, is left out. */
  #keep(event: OpenCodeEvent): boolean {
    if (event.type === "message.part.delta") return true;
    if (event.id !== undefined) {
      if (this.#seen.has(event.id)) return true;
      this.#seen.add(event.id);
      if (this.#seen.size > remembered) {
        for (const id of this.#seen) {
          this.#seen.delete(id);
          break;
        }
      }
    }
    this.#tell(rawOf(event));
    return true;
  }

  #tell(happenings: readonly Happening[]): void {
    for (const happening of happenings) {
      try {
        this.#parts.record(happening);
      } catch {
        // Ours never throws. Of another one, the next happening may fare better.
      }
    }
  }
}

/** It is not there: there is nothing of it. */
function orNothing(error: unknown): undefined {
  if (errorCode(error) !== "not-found") throw error;
}

function messagesOf(body: unknown): LoadedSession["messages"] {
  return listOf(body).flatMap((message) => {
    const info = objectOf(message["info"]);
    return info === undefined ? [] : [{ info, parts: listOf(message["parts"]) }];
  });
}

function listOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.map((one) => objectOf(one)).filter((one) => one !== undefined) : [];
}

/** The event as it came. */
function rawOf({ sessionId, id, type, properties }: OpenCodeEvent): Happening[] {
  if (sessionId === undefined) return [];
  const line = JSON.stringify({ ...(id === undefined ? {} : { id }), type, properties });
  return [{ kind: "rawEvent", sessionId, subpath: "events", source: "opencode", uuid: id, line }];
}
