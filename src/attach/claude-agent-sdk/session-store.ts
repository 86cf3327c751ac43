import { keyOf } from "../../domains/raw-block.ts";
import { LociError } from "../../errors.ts";
import type { RawHappening } from "../../model/happening.ts";
import { momentOfId } from "../../model/id.ts";
import type { Loci } from "../../open.ts";
import { type PendingLine, pendingLines } from "../../record/pending.ts";
import type { Recorder, RecorderOptions } from "../../record/recorder.ts";
import { sourceName as source } from "../../record/sources/claude-code/session.ts";
import { foldSummary } from "../../record/sources/claude-code/summary.ts";
import { type StoredLine, type StoredSession, storedLines, storedSessions, storedSubkeys } from "./stored.ts";
import type { SessionKey, SessionStore, SessionStoreEntry, SessionSummaryEntry } from "./types.ts";

export interface SessionStoreOptions extends Pick<RecorderOptions, "redact" | "warn"> {
  /** A recorder of the same store that is there already; it is not closed with this. Default: one of its own. */
  readonly recorder?: Recorder;
  /** How long a question waits for the store, in ms. Default 10,000. */
  readonly loadTimeout?: number;
}

export interface LociSessionStore extends SessionStore, AsyncDisposable {
  readonly recorder: Recorder;
  /** How many lines of a session this one was given. */
  appended(sessionId: string): number;
  /** Brings what was appended into the store and ends; never rejects. */
  close(): Promise<void>;
}

/**
 * A `sessionStore` for the Claude Agent SDK. `append` returns when its lines are in the local spool, whatever the store
 * does; everything else answers from the store and from what the spool holds.
 */
export function createSessionStore(loci: Loci, options: SessionStoreOptions = {}): LociSessionStore {
  const { recorder = loci.recorder(given(options)), loadTimeout = 10_000 } = options;
  const counts = new Map<string, number>();
  const close = async (): Promise<void> => {
    if (options.recorder === undefined) await recorder.close();
    else await recorder.flush({ timeout: loadTimeout });
  };
  return {
    recorder,
    appended: (sessionId) => counts.get(sessionId) ?? 0,
    async append(key, entries) {
      const { sessionId } = named(key);
      for (const entry of entries) note(recorder, key, entry);
      counts.set(sessionId, (counts.get(sessionId) ?? 0) + entries.length);
    },
    async delete(key) {
      note(recorder, named(key), undefined);
    },
    ...createAnswers({ loci, recorder, loadTimeout }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface AnswerParts {
  readonly loci: Loci;
  readonly recorder: Recorder;
  readonly loadTimeout: number;
}

function createAnswers({
  loci: { engine, place },
  recorder,
  loadTimeout,
}: AnswerParts): Omit<SessionStore, "append" | "delete"> {
  const bounded = <Answer>(answer: Promise<Answer>): Promise<Answer> => within(answer, loadTimeout, place);
  // Read before the store is asked: a line goes from the spool to the store.
  const pending = (wanted: (line: RawHappening) => boolean): PendingLine[] =>
    pendingLines(recorder.spool, (line) => line.source === source && wanted(line));

  async function sessions(projectKey: string): Promise<SessionSummaryEntry[]> {
    const waiting = pending(({ scope, subpath }) => scope === projectKey && subpath === undefined);
    return listed(await bounded(storedSessions(engine, projectKey)), waiting);
  }

  return {
    async load(key) {
      named(key);
      const waiting = pending((line) => isOf(line, key));
      const lines = await bounded(storedLines(engine, key)).catch((error: unknown) => {
        if (beginsHere(waiting)) return [];
        throw error;
      });
      const all = joined(lines, waiting);
      return all.length === 0 ? null : all.map((line): SessionStoreEntry => JSON.parse(line));
    },
    async listSessions(projectKey) {
      return (await sessions(projectKey)).map(({ sessionId, mtime }) => ({ sessionId, mtime }));
    },
    async listSessionSummaries(projectKey) {
      // One without data was imported: the SDK reads its transcript instead.
      return (await sessions(projectKey)).filter(({ data }) => Object.keys(data).length > 0);
    },
    async listSubkeys({ projectKey, sessionId }) {
      const waiting = pending((line) => line.scope === projectKey && line.sessionId === sessionId);
      const keys = new Set(await bounded(storedSubkeys(engine, { projectKey, sessionId })));
      for (const { subpath, removed } of waiting) {
        if (removed === true && subpath === undefined) keys.clear();
        else if (subpath !== undefined) keys[removed === true ? "delete" : "add"](subpath);
      }
      return [...keys];
    },
  };
}

/** The main transcripts of a project: as the store has them, and as the spool goes on with them. */
function listed(stored: readonly StoredSession[], waiting: readonly PendingLine[]): SessionSummaryEntry[] {
  const all = new Map<string, SessionSummaryEntry>();
  for (const { sessionId, mtime, summary } of stored)
    all.set(sessionId, { sessionId, mtime, data: summary ?? {} });
  for (const { sessionId, id, line, removed } of waiting) {
    const before = all.get(sessionId);
    const mtime = momentOfId(id);
    if (removed === true) {
      // What came after it may be in the store already.
      if (before !== undefined && before.mtime <= mtime) all.delete(sessionId);
      continue;
    }
    const data = { ...before?.data };
    foldSummary(data, JSON.parse(line));
    all.set(sessionId, { sessionId, mtime: Math.max(before?.mtime ?? 0, mtime), data });
  }
  return [...all.values()];
}

function given({ redact, warn }: SessionStoreOptions): Omit<RecorderOptions, "spool" | "store"> {
  return { ...(redact === undefined ? {} : { redact }), ...(warn === undefined ? {} : { warn }) };
}

/** Takes an entry into the spool, or says that all before it are gone. */
function note(recorder: Recorder, key: SessionKey, entry: SessionStoreEntry | undefined): void {
  const { projectKey: scope, sessionId, subpath } = key;
  const of = { kind: "rawEvent", scope, sessionId, subpath, source } as const;
  const before = recorder.tally.reasons;
  const id =
    entry === undefined
      ? recorder.record({ ...of, line: "", removed: true })
      : recorder.record({ ...of, ...nameOf(entry), line: JSON.stringify(entry) });
  if (id !== undefined) return;
  const { reasons } = recorder.tally;
  const reason = Object.keys(reasons).find((name) => reasons[name] !== before[name]) ?? "dropped";
  throw new LociError(
    "permission",
    `The local spool did not take a line of session ${sessionId}: ${reason}.`,
    {
      where: recorder.spool,
      next: "loci doctor",
    },
  );
}

function nameOf({ uuid, version }: SessionStoreEntry): Pick<RawHappening, "uuid" | "version"> {
  return {
    ...(typeof uuid === "string" ? { uuid } : {}),
    ...(typeof version === "string" ? { version } : {}),
  };
}

function named(key: SessionKey): SessionKey {
  const { sessionId, subpath } = key;
  if (typeof sessionId === "string" && sessionId !== "" && subpath !== "") return key;
  throw new LociError(
    "invalid",
    `A session key has a sessionId, and no subpath or one that is not empty, not ${JSON.stringify(key)}.`,
  );
}

function isOf(line: RawHappening, { projectKey, sessionId, subpath }: SessionKey): boolean {
  if (line.scope !== projectKey || line.sessionId !== sessionId) return false;
  return line.subpath === subpath || (line.removed === true && line.subpath === undefined);
}

/** What the store has, and behind it what only the spool has, each line once. */
function joined(stored: readonly StoredLine[], waiting: readonly PendingLine[]): string[] {
  const removed = waiting.findLast((line) => line.removed === true)?.id ?? "";
  const lines = stored.filter(({ id }) => id > removed || (id === "" && removed === ""));
  const seen = new Set(lines.map(({ key }) => key));
  const fresh = waiting.filter((line) => {
    const key = keyOf(line, line.id);
    if (line.removed === true || line.id < removed || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  // A block of the store has the id of its first line: what was noted before it, by a process that ended, goes there.
  const ordered = [
    ...lines.map(({ id, text }) => ({ id, text })),
    ...fresh.map(({ id, line }) => ({ id, text: line })),
  ];
  return ordered
    .sort((one, other) => (one.id < other.id ? -1 : one.id > other.id ? 1 : 0))
    .map(({ text }) => text);
}

/** The transcript's first message stands in the spool: so does all that follows it. */
function beginsHere(waiting: readonly PendingLine[]): boolean {
  return waiting.some(
    ({ line }) => /"parentUuid":null[,}]/.test(line) && !line.includes('"logicalParentUuid"'),
  );
}

async function within<Answer>(answer: Promise<Answer>, ms: number, place: string): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const sentence = `The store did not answer within ${ms} ms, and what the spool holds is not all of it.`;
      reject(new LociError("unreachable", sentence, { where: place, next: "loci doctor" }));
    }, ms);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
    answer.catch(() => undefined);
  }
}
