import { deepStrictEqual as same, ok } from "node:assert/strict";
import type { TestRunner } from "./index.ts";

interface Key {
  projectKey: string;
  sessionId: string;
  subpath?: string;
}

interface Entry {
  type: string;
  uuid?: string;
  timestamp?: string;
  [name: string]: unknown;
}

/** The `SessionStore` of the Claude Agent SDK, with all that it may have. */
export interface TestedSessionStore {
  append(key: Key, entries: Entry[]): Promise<void>;
  load(key: Key): Promise<Entry[] | null>;
  listSessions(projectKey: string): Promise<Array<{ sessionId: string; mtime: number }>>;
  listSessionSummaries(
    projectKey: string,
  ): Promise<Array<{ sessionId: string; mtime: number; data: Record<string, unknown> }>>;
  delete(key: Key): Promise<void>;
  listSubkeys(key: { projectKey: string; sessionId: string }): Promise<string[]>;
}

type Cases = Readonly<Record<string, (store: TestedSessionStore) => Promise<void>>>;

const session = "0a7e5c1e-0000-4000-8000-000000000001";
const other = "0a7e5c1e-0000-4000-8000-000000000002";
const key: Key = { projectKey: "-work-api", sessionId: session };
const agent: Key = { ...key, subpath: "subagents/agent-a1" };

function entry(n: number, more: object = {}): Entry {
  const timestamp = new Date(Date.parse("2026-11-20T10:00:00Z") + n * 1000).toISOString();
  return { type: "user", uuid: `line-${n}`, timestamp, n, ...more };
}

const ids = (rows: ReadonlyArray<{ readonly sessionId: string }>): string[] =>
  rows.map(({ sessionId }) => sessionId).toSorted((one, other) => (one < other ? -1 : 1));

const behaviour: Cases = {
  "what was appended is loaded, equal and in order": async (store) => {
    const odd = { text: 'tag "x"\n\u0000 \ud800 ä 😀', deep: [[{ a: [null, true, 1e21, -0.5] }]], empty: {} };
    const entries = [entry(1, odd), entry(2), entry(3, { parentUuid: null })];
    await store.append(key, entries);
    same(await store.load(key), entries);
  },
  "appends follow one another in the order of their calls": async (store) => {
    const all = Array.from({ length: 30 }, (_, n) => entry(n));
    const calls = Array.from({ length: 10 }, (_, n) => store.append(key, all.slice(n * 3, n * 3 + 3)));
    await Promise.all(calls);
    same(await store.load(key), all);
  },
  "a key that was never written is null": async (store) => {
    same(await store.load(key), null);
    same(await store.load(agent), null);
  },
  "an append of nothing writes nothing": async (store) => {
    await store.append(key, []);
    same(await store.load(key), null);
    same(await store.listSessions(key.projectKey), []);
  },
  "a sub-agent's transcript is its own": async (store) => {
    await store.append(key, [entry(1)]);
    await store.append(agent, [entry(1, { isSidechain: true }), entry(2)]);
    same(await store.load(key), [entry(1)]);
    same(await store.load(agent), [entry(1, { isSidechain: true }), entry(2)]);
  },
  "projects do not see each other's sessions": async (store) => {
    await store.append(key, [entry(1)]);
    await store.append({ ...key, projectKey: "-work-web" }, [entry(2)]);
    same(await store.load(key), [entry(1)]);
    same(await store.load({ ...key, projectKey: "-work-web" }), [entry(2)]);
    same(await store.load({ ...key, projectKey: "-work" }), null);
    same(await store.listSessions("-work"), []);
  },
  "sessions are listed with whole milliseconds": async (store) => {
    const before = Date.now();
    await store.append(key, [entry(1)]);
    await store.append({ ...key, sessionId: other }, [entry(1)]);
    const listed = await store.listSessions(key.projectKey);
    same(ids(listed), [session, other]);
    for (const { mtime } of listed) ok(Number.isInteger(mtime) && mtime >= before - 60_000, String(mtime));
  },
  "a list has main transcripts only": async (store) => {
    await store.append(agent, [entry(1)]);
    same(await store.listSessions(key.projectKey), []);
    await store.append(key, [entry(1)]);
    same(ids(await store.listSessions(key.projectKey)), [session]);
  },
  "a session is deleted with all its parts, and no other": async (store) => {
    await store.append(key, [entry(1)]);
    await store.append(agent, [entry(2)]);
    await store.append({ ...key, sessionId: other }, [entry(3)]);
    await store.delete(key);
    same(await store.load(key), null);
    same(await store.load(agent), null);
    same(await store.listSubkeys(key), []);
    same(ids(await store.listSessions(key.projectKey)), [other]);
    same(await store.load({ ...key, sessionId: other }), [entry(3)]);
  },
  "a part is deleted alone": async (store) => {
    await store.append(key, [entry(1)]);
    await store.append(agent, [entry(2)]);
    await store.append({ ...key, subpath: "subagents/agent-a2" }, [entry(3)]);
    await store.delete(agent);
    same(await store.load(agent), null);
    same(await store.load(key), [entry(1)]);
    same(await store.listSubkeys(key), ["subagents/agent-a2"]);
  },
  "a key that is not there can be deleted": async (store) => {
    await store.delete(key);
    await store.delete(agent);
    same(await store.load(key), null);
  },
  "the parts of a session are listed, of it alone": async (store) => {
    await store.append(key, [entry(1)]);
    for (const subpath of ["subagents/agent-a1", "subagents/deep/agent-a2"]) {
      await store.append({ ...key, subpath }, [entry(1)]);
    }
    await store.append({ ...agent, sessionId: other }, [entry(1)]);
    const listed = await store.listSubkeys({ projectKey: key.projectKey, sessionId: session });
    same(new Set(listed), new Set(["subagents/agent-a1", "subagents/deep/agent-a2"]));
    same(await store.listSubkeys({ projectKey: "-work-web", sessionId: session }), []);
  },
  "what was deleted can be written again": async (store) => {
    await store.append(key, [entry(1), entry(2)]);
    await store.delete(key);
    await store.append(key, [entry(1)]);
    same(await store.load(key), [entry(1)]);
  },
  "an entry with the uuid of one before is that one; entries without are kept": async (store) => {
    const mode = { type: "mode", mode: "plan" };
    await store.append(key, [entry(1), mode, entry(2)]);
    await store.append(key, [entry(2), entry(1), mode, entry(3)]);
    same(await store.load(key), [entry(1), mode, entry(2), mode, entry(3)]);
  },
  "summaries have the time of the list": async (store) => {
    await store.append(key, [entry(1, { cwd: "/srv/api", message: { content: "Fix the sync" } })]);
    await store.append(key, [{ type: "custom-title", customTitle: "Sync", sessionId: session }]);
    const [listed] = await store.listSessions(key.projectKey);
    const [summary] = await store.listSessionSummaries(key.projectKey);
    same(summary?.mtime, listed?.mtime);
    same(summary?.data["customTitle"], "Sync");
    same(summary?.data["cwd"], "/srv/api");
    same(summary?.data["createdAt"], Date.parse("2026-11-20T10:00:01Z"));
  },
};

/**
 * What the Claude Agent SDK relies on in a `SessionStore`. `open` gives an empty one each time.
 */
export function sessionStoreSuite(
  name: string,
  open: () => Promise<{ readonly store: TestedSessionStore; readonly close: () => Promise<void> }>,
  { describe, it }: TestRunner,
): void {
  describe(`${name} is a SessionStore`, () => {
    for (const [title, run] of Object.entries(behaviour)) {
      it(title, async () => {
        const { store, close } = await open();
        try {
          await run(store);
        } finally {
          await close();
        }
      });
    }
  });
}
