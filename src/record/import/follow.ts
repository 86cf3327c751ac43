import { existsSync } from "node:fs";
import { basename, dirname, resolve, sep } from "node:path";
import { errorCode } from "../../errors.ts";
import type { RedactOptions } from "../redact.ts";
import { type FoundFile, fileAt, filesIn } from "./files.ts";
import { type Identity, identify } from "./identify.ts";
import { readAll } from "./import.ts";
import { readOpenCode } from "./opencode.ts";
import { databaseFile, type Environment, isOpenCodeName, type SourcePlace, sourcePlaces } from "./places.ts";
import { type ImportParts, noteFailure, ofTheFile, type Run, startRun } from "./run.ts";
import { createThreads, type Threads } from "./threads.ts";
import { type FolderWatch, watchFolders } from "./watch.ts";

export interface FollowOptions {
  /** Files and folders. Without any, where Claude Code, Codex, Gemini and OpenCode keep their sessions. */
  readonly paths?: readonly string[];
  /** Only these programs. */
  readonly sources?: ReadonlyArray<SourcePlace["source"]>;
  /** Files that were last changed before this moment are left to `loci import`. Default: ten minutes ago. */
  readonly since?: number;
  readonly redact?: RedactOptions;
  readonly env?: Environment;
  /** Told after each increment which sessions it belongs to. */
  readonly onImported?: (sessions: readonly string[]) => void | Promise<void>;
  /** Told, in a sentence, of what could not be read or stored; it is tried again. */
  readonly onProblem?: (sentence: string) => void;
}

/** Sessions that are brought in while their programs write them. */
export interface Following extends AsyncDisposable {
  /** Resolves when everything that stood on the disk at this moment is in the store. Rejects where it cannot be. */
  settled(): Promise<void>;
  /** Ends it, after what is under way. Twice is fine. */
  close(): Promise<void>;
}

/** Lines of one answer come together: they are read together. */
const gather = 100;
/** How often everything is looked at where the system tells of changes, and where it does not; never over 1 % of the time. */
const lookEvery = { watched: 5_000, blind: 1_000 };
/** A database is copied to be read: that takes a fifth of the time at most. */
const copyShare = 4;
const longestPause = 30_000;

/**
 * Follows the files of agents: what they append is in the store within about a second. Each increment is an import of
 * its own, so that an import beside it, or another follower, does no harm.
 */
export function followSources(parts: ImportParts, options: FollowOptions = {}): Following {
  return new Follower(parts, options);
}

interface Place {
  readonly path: string;
  readonly databases: boolean;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

class Follower implements Following {
  readonly #options: FollowOptions;
  readonly #since: number;
  readonly #threads: Threads = createThreads(1);
  readonly #run: Run;
  readonly #watch: FolderWatch = watchFolders((path) => this.#heard(path));
  /** Each file as it was when it was looked at last. */
  readonly #seen = new Map<string, string>();
  readonly #dirty = new Set<string>();
  /** Folders that are not there yet, and those that are watched only to hear of them. */
  readonly #ahead = new Set<string>();
  readonly #above = new Set<string>();
  /** What is followed: files, and folders with all that is in them. */
  #roots: readonly string[] = [];
  /** When a database may be copied again. */
  readonly #notBefore = new Map<string, number>();
  #waiting: Waiting[] = [];
  #lookAt = 0;
  #failures = 0;
  #closing = false;
  #wakeUp: (() => void) | undefined;
  readonly #ended: Promise<void>;

  constructor(parts: ImportParts, options: FollowOptions) {
    this.#options = options;
    this.#since = options.since ?? Date.now() - 600_000;
    this.#run = startRun(parts, { ...(options.redact && { redact: options.redact }) }, this.#threads);
    this.#ended = this.#follow();
  }

  settled(): Promise<void> {
    if (this.#closing) return this.#ended;
    const done = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#wakeUp?.();
    return done;
  }

  readonly close = (): Promise<void> => {
    this.#closing = true;
    this.#wakeUp?.();
    return this.#ended;
  };

  [Symbol.asyncDispose] = (): Promise<void> => this.close();

  async #follow(): Promise<void> {
    while (!this.#closing) {
      const asked = this.#waiting.splice(0);
      try {
        if (asked.length > 0 || performance.now() >= this.#lookAt) this.#look();
        await this.#bringIn(asked.length > 0);
        this.#failures = 0;
        for (const { resolve } of asked) resolve();
      } catch (error) {
        this.#failures++;
        this.#tell(error instanceof Error ? error.message : String(error));
        for (const { reject } of asked) reject(error);
      }
      if (!this.#closing && this.#waiting.length === 0) await this.#pause();
    }
    this.#watch.close();
    await this.#run.idle();
    await this.#threads[Symbol.asyncDispose]();
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /** Looks at every file; the folders that are new are watched from now on. */
  #look(): void {
    const begun = performance.now();
    let watched = true;
    const onFolder = (folder: string): void => {
      watched = this.#watchFor(folder) && watched;
    };
    for (const { path, databases } of this.#places(onFolder)) {
      if (databases) this.#compare(databaseFile(path));
      else for (const file of filesIn(path, { onFolder })) this.#compare(file);
    }
    const took = performance.now() - begun;
    this.#lookAt = begun + Math.max(watched ? lookEvery.watched : lookEvery.blind, took * 100);
  }

  #places(onFolder: (folder: string) => void): Place[] {
    const { paths, sources, env } = this.#options;
    const placeOf = (path: string): Place => ({ path, databases: isOpenCodeName(basename(path)) });
    const places =
      paths === undefined
        ? sourcePlaces(env).filter(({ source }) => sources === undefined || sources.includes(source))
        : [{ where: paths.map((path) => resolve(path)), paths: paths.map((path) => resolve(path)) }];
    // Where there is nothing yet, something may be soon.
    this.#roots = places.flatMap(({ where, paths: found }) => [...where, ...found]);
    for (const place of this.#roots.map(placeOf)) {
      onFolder(place.databases || place.path.endsWith(".jsonl") ? dirname(place.path) : place.path);
    }
    return places.flatMap((place) => place.paths.map(placeOf));
  }

  /** Watches a folder; while it is not there, the nearest one above it, which will hear of it. */
  #watchFor(folder: string): boolean {
    if (this.#watch.add(folder)) {
      this.#ahead.delete(folder);
      this.#above.delete(folder);
      return true;
    }
    this.#ahead.add(folder);
    for (let child = folder; dirname(child) !== child; child = dirname(child)) {
      const above = dirname(child);
      const isNew = !this.#watch.has(above);
      if (!this.#watch.add(above)) continue;
      if (isNew) this.#above.add(above);
      // Made just now, or not ours to watch: it is looked for.
      return !existsSync(child);
    }
    return false;
  }

  /** Whether what changed here can be on the way to a session. */
  #matters(path: string): boolean {
    if (!this.#above.has(dirname(path))) return true;
    return [...this.#ahead].some((folder) => `${folder}${sep}`.startsWith(`${path}${sep}`));
  }

  #compare(file: FoundFile | undefined): void {
    if (file === undefined) return;
    const form = `${file.size} ${file.modifiedAt}`;
    if (this.#seen.get(file.path) === form) return;
    const fresh = this.#seen.has(file.path) || file.modifiedAt >= this.#since;
    this.#seen.set(file.path, form);
    if (fresh) this.#dirty.add(file.path);
  }

  /** The system says that something changed here. */
  #heard(path: string): void {
    const database = path.replace(/-(wal|shm)$/, "");
    if (isOpenCodeName(basename(database))) this.#compare(databaseFile(database));
    else if (path.endsWith(".jsonl")) {
      // Other files stand beside those that are followed, and in the folders above them.
      if (this.#roots.some((root) => `${path}${sep}`.startsWith(`${root}${sep}`)))
        this.#compare(fileAt(path));
    }
    // Perhaps a folder of a new session.
    else if (this.#matters(path)) this.#lookAt = Math.min(this.#lookAt, performance.now() + gather);
    if (this.#dirty.size > 0 || this.#lookAt <= performance.now() + gather) this.#wakeUp?.();
  }

  async #bringIn(all: boolean): Promise<void> {
    const paths = [...this.#dirty].filter(
      (path) => all || (this.#notBefore.get(path) ?? 0) <= performance.now(),
    );
    for (const path of paths) this.#dirty.delete(path);
    try {
      const sessions = await this.#import(paths);
      if (sessions.length > 0) await this.#options.onImported?.(sessions);
    } catch (error) {
      // Nothing of it may be in the store: it is read again, from where the store says.
      for (const path of paths) this.#dirty.add(path);
      throw error;
    }
  }

  async #import(paths: readonly string[]): Promise<string[]> {
    const sessions: string[] = [];
    const identities: Identity[] = [];
    for (const path of paths) {
      if (isOpenCodeName(basename(path))) sessions.push(...(await this.#database(path)));
      else identities.push(...this.#identified(path));
    }
    const ids = new Set<string>();
    if (identities.length > 0) await readAll(this.#run, identities, { unsettled: [], ids });
    for (const { path, problem } of this.#run.problems.splice(0)) this.#tell(`${path}: ${problem}`);
    return [...sessions, ...ids];
  }

  #identified(path: string): Identity[] {
    const file = fileAt(path);
    if (file === undefined || file.size === 0) return [];
    try {
      const identity = identify(file);
      // Of a first line that is still being written nobody can say whose it is.
      return identity.unsure === true ? [] : [identity];
    } catch (error) {
      noteFailure(this.#run, path, error);
      return [];
    }
  }

  async #database(path: string): Promise<readonly string[]> {
    const begun = performance.now();
    try {
      return (await readOpenCode(this.#run, path)).read;
    } catch (error) {
      const code = errorCode(error);
      if (code !== "busy" && !ofTheFile.has(code)) throw error;
      if (code === "busy") this.#dirty.add(path);
      else noteFailure(this.#run, path, error);
      return [];
    } finally {
      const now = performance.now();
      this.#notBefore.set(path, now + Math.max(500, (now - begun) * copyShare));
    }
  }

  /** Until there is something to do, or it is time to look. */
  async #pause(): Promise<void> {
    const now = performance.now();
    let until = this.#lookAt;
    for (const path of this.#dirty) until = Math.min(until, this.#notBefore.get(path) ?? 0);
    const wait =
      this.#failures > 0 ? Math.min(longestPause, 500 * 2 ** this.#failures) : Math.max(gather, until - now);
    await new Promise<void>((done) => {
      const timer = setTimeout(done, wait).unref();
      this.#wakeUp = () => {
        const asked = this.#waiting.length > 0 || this.#closing;
        // In trouble, only somebody who waits may hurry us.
        if (!asked && this.#failures > 0) return;
        clearTimeout(timer);
        if (asked) setImmediate(done);
        else setTimeout(done, gather).unref();
      };
    });
    this.#wakeUp = undefined;
  }

  #tell(sentence: string): void {
    this.#options.onProblem?.(sentence);
  }
}
