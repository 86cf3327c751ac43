import assert from "node:assert/strict";
import type { Feed } from "../engine/engine.ts";
import { clockAt, type RowVersion, type SyncedTable } from "../model/sync.ts";
import type { Opened } from "./opened.ts";
import { things } from "./things.ts";

/** Which fields of the things are noted: of every kind one, and not all of them. */
export const notedThings: SyncedTable = {
  collection: things,
  fields: ["shelf", "place", "name", "note", "weight", "done", "madeAt", "labels", "body", "blob"],
  session: "shelf",
};

export interface Fed extends Opened {
  readonly feed: Feed;
  readonly store: string;
}

/** Where the things are noted. A store without a feed has gaps: it takes no part in sync. */
export function fed(run: (opened: Fed) => Promise<void>): (opened: Opened) => Promise<void> {
  return async (opened) => {
    const { feed } = opened.engine;
    assert.ok(feed);
    await run({ ...opened, feed, store: await feed.start([notedThings]) });
  };
}

export async function all(feed: Feed, after: string | null = null): Promise<RowVersion[]> {
  return (await feed.read({ after, limit: 1_000 })).versions;
}

export async function one(feed: Feed, key: string): Promise<RowVersion> {
  const found = (await all(feed)).filter(({ rowKey }) => rowKey === key);
  const [version] = found;
  assert.equal(found.length, 1);
  assert.ok(version);
  return version;
}

export const ofThing = (version: Partial<RowVersion> & Pick<RowVersion, "rowKey">): RowVersion => {
  const clock = clockAt(1_700_000_000_000, "elsewhere");
  return {
    id: `${things.name}/${version.rowKey}`,
    collection: things.name,
    sessionId: null,
    seq: 0,
    born: clock,
    clock,
    clocks: null,
    removed: null,
    via: "elsewhere",
    ...version,
  };
};

export const keys = (versions: readonly RowVersion[]): string[] => versions.map(({ rowKey }) => rowKey);
