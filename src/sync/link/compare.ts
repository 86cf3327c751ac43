import type { Engine } from "../../engine/engine.ts";
import type { Millis } from "../../model/collection.ts";
import { syncVersions } from "../../model/sync.ts";
import type { Compared } from "../report.ts";
import { type Fields, keyOf, type SyncTable, tableOf } from "../tables.ts";
import type { Context } from "./context.ts";
import { isMoving } from "./counts.ts";
import { lives } from "./merge.ts";
import { differenceOf, type Found, nextPairs, page, type Pair, pagesOf, versionsApart } from "./pairs.ts";
import { mend } from "./verify.ts";

/** After so long the versions of both sides are compared again, a piece with each sync until all are. */
const compareAgain: Millis = 3_600_000;
/** What another one changes at the same time may be apart once more. */
const rounds = 3;
const listed = 100;

/**
 * Where counts are the same, a row may still be lost, and another one be there in its place. So once an hour each version
 * is compared, and whether its row is there, on both sides; what is apart goes over again at once. What stays apart is
 * compared again with each sync. Null: nothing was due.
 */
export async function compareDue(context: Context): Promise<Compared | null> {
  const { peer, own, hub, limits, now } = context;
  const { comparedAt, comparedTo } = peer.now;
  if (comparedTo === null) {
    // Each row was read back just now.
    if (comparedAt === null) peer.note({ comparedAt: now() });
    if (comparedAt === null || Math.abs(now() - comparedAt) < compareAgain) return null;
  }
  const [ours, theirs] = [pagesOf(own, comparedTo), pagesOf(hub, comparedTo)];
  let rows = 0;
  let end: string | null = comparedTo;
  let apart: Found[] = [];
  while (rows < limits.compared) {
    context.check();
    const pairs = await nextPairs(ours, theirs, Math.min(page, limits.compared));
    end = pairs.at(-1)?.id ?? null;
    if (end === null) break;
    rows += pairs.length;
    apart.push(...(await apartIn(context, pairs)));
  }
  const found = apart.length;
  for (let round = 0; round < rounds && apart.length > 0; round++) {
    await mend(
      context,
      apart.map(({ pair }) => pair),
    );
    apart = await apartIn(context, await pairsAgain(context, apart));
  }
  // What is on its way is looked at the next time.
  if (apart.length > 0 && (await isMoving(context))) apart = [];
  if (apart.length === 0)
    peer.note(end === null ? { comparedAt: now(), comparedTo: null } : { comparedTo: end });
  const differences = apart.slice(0, listed).map(({ difference }) => difference);
  return { rows, different: apart.length, differences, repaired: found - apart.length };
}

async function apartIn(context: Context, all: readonly Pair[]): Promise<Found[]> {
  const sessionOf = ({ here, there }: Pair): string | null => (here ?? there)?.sessionId ?? null;
  const stays = await context.local.among(all.map(sessionOf));
  const found: Found[] = [];
  const living: Pair[] = [];
  for (const pair of all.filter((one) => !stays.has(sessionOf(one) ?? ""))) {
    const what = versionsApart(context, pair);
    if (what !== undefined) found.push({ pair, difference: differenceOf(pair, what) });
    else if (pair.here && pair.there && lives(pair.here) && lives(pair.there)) living.push(pair);
  }
  const [here, there] = await Promise.all([lostIn(context.own, living), lostIn(context.hub, living)]);
  for (const pair of living) {
    // Whoever only sends takes nothing back, and whoever only takes gives nothing.
    if (here.has(pair.id) && context.mode !== "push")
      found.push({ pair, difference: differenceOf(pair, "lost here") });
    else if (there.has(pair.id) && context.mode !== "pull")
      found.push({ pair, difference: differenceOf(pair, "lost there") });
  }
  return found;
}

/** Those whose row is not there, though its version says that it lives. */
async function lostIn(engine: Engine, living: readonly Pair[]): Promise<Set<string>> {
  const keys = new Map<SyncTable, Set<string>>();
  for (const { here } of living) {
    const table = here && tableOf(here.collection);
    if (table) keys.set(table, (keys.get(table) ?? new Set()).add(here.rowKey));
  }
  const lost = await Promise.all(
    [...keys].map(async ([table, asked]) => {
      const { collection } = table;
      const query = { where: { [collection.key]: { anyOf: [...asked] } }, fields: [collection.key] };
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- here the generics end: any collection's keys
      const rows: readonly Fields[] = await engine.find(collection as never, query as never);
      for (const row of rows) asked.delete(keyOf(collection, row));
      return [...asked].map((key) => `${collection.name}/${key}`);
    }),
  );
  return new Set(lost.flat());
}

async function pairsAgain({ own, hub }: Context, apart: readonly Found[]): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (let at = 0; at < apart.length; at += page) {
    const ids = apart.slice(at, at + page).map(({ pair }) => pair.id);
    const where = { id: { anyOf: ids } };
    const [here, there] = await Promise.all([
      own.find(syncVersions, { where }),
      hub.find(syncVersions, { where }),
    ]);
    const [ours, theirs] = [here, there].map((list) => new Map(list.map((one) => [one.id, one])));
    pairs.push(...ids.map((id) => ({ id, here: ours?.get(id), there: theirs?.get(id) })));
  }
  return pairs.filter(({ here, there }) => here !== undefined || there !== undefined);
}
