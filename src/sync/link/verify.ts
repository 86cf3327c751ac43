import { update } from "../../engine/engine.ts";
import { syncQuarantine } from "../../model/sync-state.ts";
import { canonicalRow } from "./canonical.ts";
import type { Context } from "./context.ts";
import { lives, sameStamp } from "./merge.ts";
import { gather } from "./outgoing.ts";
import { differenceOf, type Found, nextPairs, type Pair, pagesOf, versionsApart } from "./pairs.ts";
import type { Incoming } from "./plan.ts";
import { takeIn } from "./pull.ts";
import { offer, push } from "./push.ts";
import type { Compared, Difference, VerifyOptions } from "../report.ts";
import { greet } from "./word.ts";

const listed = 100;

/** Looks through both stores, side by side, a page at a time. Changes nothing. */
export async function verifyAll(context: Context, { rows = true }: VerifyOptions = {}): Promise<Compared> {
  await greet(context);
  return walk(context, { rows, repair: false });
}

/** Makes the same whatever is not: what is ours is sent again, all else is taken from the hub. */
export async function repairAll(context: Context): Promise<Compared> {
  await greet(context);
  const { peer, own } = context;
  await own.write([update(syncQuarantine, { peer: peer.now.id }, { tries: 0 })]);
  const compared = await walk(context, { rows: true, repair: true });
  if (context.mode !== "pull") await push(context);
  return compared;
}

interface Walking {
  readonly rows: boolean;
  readonly repair: boolean;
}

async function walk(context: Context, { rows, repair }: Walking): Promise<Compared> {
  const ours = pagesOf(context.own);
  const theirs = pagesOf(context.hub);
  const differences: Difference[] = [];
  let seen = 0;
  let different = 0;
  let repaired = 0;
  for (;;) {
    context.check();
    const pairs = await nextPairs(ours, theirs);
    if (pairs.length === 0) return { rows: seen, different, differences, repaired };
    const stays = await context.local.among(
      pairs.map(({ here, there }) => (here ?? there)?.sessionId ?? null),
    );
    const open = pairs.filter(({ here, there }) => !stays.has((here ?? there)?.sessionId ?? ""));
    seen += open.length;
    const found = await compared(context, open, rows);
    different += found.length;
    differences.push(...found.map(({ difference }) => difference).slice(0, listed - differences.length));
    if (repair)
      repaired += await mend(
        context,
        found.map(({ pair }) => pair),
      );
  }
}

async function compared(context: Context, pairs: readonly Pair[], rows: boolean): Promise<Found[]> {
  const found = pairs.flatMap((pair): Found[] => {
    const what = versionsApart(context, pair);
    return what === undefined ? [] : [{ pair, difference: differenceOf(pair, what) }];
  });
  if (!rows) return found;
  const known = new Set(found.map(({ pair }) => pair.id));
  const same = pairs.filter(
    (pair) => pair.here !== undefined && pair.there !== undefined && !known.has(pair.id),
  );
  const living = same.filter(({ here }) => here !== undefined && lives(here));
  const [here, there] = await Promise.all([
    gather(
      context.own,
      living.flatMap((pair) => pair.here ?? []),
    ),
    gather(
      context.hub,
      living.flatMap((pair) => pair.there ?? []),
    ),
  ]);
  const [ours, theirs] = [byId(here), byId(there)];
  for (const pair of living) {
    const what = rowsApart(context, ours.get(pair.id), theirs.get(pair.id));
    if (what !== undefined) found.push({ pair, difference: differenceOf(pair, what) });
  }
  return found;
}

function byId(incoming: readonly Incoming[]): Map<string, Incoming> {
  return new Map(incoming.map((one) => [one.version.id, one]));
}

function rowsApart(context: Context, here?: Incoming, there?: Incoming): Difference["what"] | undefined {
  if (!here?.row || !there?.row) {
    return here?.row ? "lost there" : there?.row ? "lost here" : undefined;
  }
  // Changed between the two readings: it is on its way.
  if (!sameStamp(here.version, there.version)) return undefined;
  const clean = context.leaving(here.table, here.row);
  return canonicalRow(here.table, clean) === canonicalRow(there.table, there.row) ? undefined : "content";
}

/** Under one clock, the store that the clock was made in is right; of a third one's rows, the hub. */
export async function mend(context: Context, pairs: readonly Pair[]): Promise<number> {
  if (pairs.length === 0) return 0;
  const { me, mode } = context;
  const isOurs = (clock: string): boolean => clock.endsWith(`-${me}`);
  const there = pairs.flatMap((pair) => pair.there ?? []);
  let repaired = 0;
  if (mode !== "push") {
    repaired += await takeIn(context, there, (clock) => (isOurs(clock) ? "mine" : "theirs"));
  }
  if (mode !== "pull") {
    const here = pairs.flatMap((pair) => pair.here ?? []);
    const strangers = new Set<string>();
    const tie = (clock: string): "mine" | "theirs" => (isOurs(clock) || mode === "push" ? "theirs" : "mine");
    repaired += (await offer(context, here, { isLast: false, strangers, tie })).rows;
  }
  return repaired;
}
