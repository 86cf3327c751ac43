import type { Engine } from "../../engine/engine.ts";
import { syncVersions } from "../../model/sync.ts";
import type { Context } from "./context.ts";
import type { CountLine } from "../report.ts";
import { syncNames } from "../tables.ts";

/** So many sessions are named in one question. */
const chunk = 500;

/** What both sides hold, by collection, without the sessions that stay here. */
export async function countBoth({ own, hub, local }: Context): Promise<CountLine[]> {
  const stay = await local.all();
  const [here, there] = await Promise.all([countIn(own, stay), countIn(hub, stay)]);
  return syncNames.map((collection) => ({
    collection,
    here: here.get(collection) ?? 0,
    there: there.get(collection) ?? 0,
  }));
}

async function countIn(engine: Engine, without: readonly string[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const add = async (sessionIds: readonly string[] | undefined, sign: 1 | -1): Promise<void> => {
    const groups = await engine.rollup(syncVersions, {
      by: ["collection"],
      where: {
        collection: { anyOf: syncNames },
        ...(sessionIds === undefined ? {} : { sessionId: { anyOf: sessionIds } }),
      },
      measures: { count: "count" },
    });
    for (const { collection, count } of groups) {
      counts.set(collection, (counts.get(collection) ?? 0) + sign * (count ?? 0));
    }
  };
  await add(undefined, 1);
  for (let at = 0; at < without.length; at += chunk) await add(without.slice(at, at + chunk), -1);
  return counts;
}

/** Whether something is still on its way, either way: then counts cannot be the same. */
export async function isMoving({ own, hub, peer, me, mode }: Context): Promise<boolean> {
  const { pushed, pulled, store } = peer.now;
  const common = { limit: 1, collections: syncNames };
  const [ours, theirs] = await Promise.all([
    mode === "pull"
      ? undefined
      : own.feed.read({ ...common, after: pushed, ...(store && { notVia: store }) }),
    mode === "push" ? undefined : hub.feed.read({ ...common, after: pulled, notVia: me }),
  ]);
  return (ours?.versions.length ?? 0) + (theirs?.versions.length ?? 0) > 0;
}
