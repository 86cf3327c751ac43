import { type SessionTotals, settleSessions } from "../../domains/settle.ts";
import { update } from "../../engine/engine.ts";
import { sessions } from "../../model/session.ts";
import { type RowVersion, syncVersions } from "../../model/sync.ts";
import { syncQuarantine } from "../../model/sync-state.ts";
import { followUps, sessionsOf } from "./beside.ts";
import { bring } from "./bring.ts";
import type { Context, Tie } from "./context.ts";
import type { Ground } from "./land.ts";
import { arrived, logged } from "./log.ts";
import { type Cargo, gather, loads, weighed } from "./outgoing.ts";
import type { Planned } from "./plan.ts";
import { syncNames } from "../tables.ts";
import { agreed, checkWord, wordOf } from "./word.ts";

export interface Pushed {
  readonly rows: number;
  /** Rows that became other at the hub than they are here: they are to be taken back. */
  readonly merged: number;
}

/** Offers all changes behind the cursor to the hub, and moves it as far as they have arrived. */
export async function push(context: Context): Promise<Pushed> {
  const { own, peer, limits } = context;
  const strangers = new Set<string>();
  let rows = 0;
  let merged = 0;
  for (;;) {
    context.check();
    const { offerAll, pushed, store } = peer.now;
    const page = await own.feed.read({
      after: pushed,
      limit: limits.rows,
      collections: syncNames,
      ...(offerAll || store === null ? {} : { notVia: store }),
    });
    if (page.anew && pushed !== null && !offerAll) {
      await peer.save({ pushed: null, offerAll: true });
      continue;
    }
    const isLast = page.versions.length < limits.rows;
    const done = await offer(context, page.versions, { isLast, strangers });
    rows += done.rows;
    merged += done.merged;
    // What is offered twice stands there once.
    peer.note({ pushed: page.cursor, ...(isLast ? { offerAll: false } : {}) });
    if (isLast) break;
    await peer.save({});
  }
  rows += await offerAgain(context, strangers);
  // Others write to these sessions, too: what we know of them is not all.
  if (strangers.size > 0) await settleSessions(context.hub, [...strangers], { nameModel: false });
  return { rows, merged };
}

interface Offering {
  readonly isLast: boolean;
  readonly strangers: Set<string>;
  readonly tie?: Tie;
}

/** Offers the rows of these versions, as they are by now. */
export async function offer(
  context: Context,
  versions: readonly RowVersion[],
  { isLast, strangers, tie }: Offering,
): Promise<Pushed> {
  if (versions.length === 0) return { rows: 0, merged: 0 };
  const { own, limits, peer, tally } = context;
  const stays = await context.local.among(versions.map(({ sessionId }) => sessionId));
  const leaving = versions.filter(({ sessionId }) => sessionId === null || !stays.has(sessionId));
  const gathered = await gather(own, leaving);
  const clean = gathered.map((one) => ({ ...one, row: one.row && context.leaving(one.table, one.row) }));
  const pieces = loads(weighed(clean), limits.bytes);
  let rows = 0;
  let merged = 0;
  for (const [place, piece] of pieces.entries()) {
    context.check();
    const told = sessionsOf(piece.map(({ incoming }) => incoming.version));
    const totals = await settleSessions(own, told, { nameModel: false });
    const pending = isLast && place + 1 === pieces.length ? 0 : 1;
    const brought = await bring(
      hubGround(context, { pending, strangers, totals }),
      piece.map(({ incoming }) => incoming),
      { isNew: tie === undefined && piece.every(isNew), tie },
    );
    tally.sent += brought.written;
    tally.merged += brought.merged;
    tally.bytesSent += piece.reduce((sum, { bytes }) => sum + bytes, 0);
    const log = logged(context, "push", brought);
    if (log.length > 0) await peer.save({}, log);
    rows += brought.written;
    merged += brought.merged;
  }
  return { rows, merged };
}

/** Nobody changed it since it was made: the hub has hardly heard of it. */
function isNew({ incoming }: Cargo): boolean {
  const { clocks, removed } = incoming.version;
  return clocks === null && removed === null;
}

interface HubGround {
  readonly pending: number;
  readonly strangers: Set<string>;
  /** Of the sessions, for a hub that has nobody who would settle them. */
  readonly totals: ReadonlyMap<string, SessionTotals>;
}

function hubGround(context: Context, { pending, strangers, totals }: HubGround): Ground {
  const { hub, own, me, peer } = context;
  return {
    engine: hub,
    store: peer.now.store ?? "",
    from: me,
    now: context.now,
    moves: "incoming",
    // Everything of ours was made fit to leave before.
    view: (_, row) => row,
    async beside(planned) {
      for (const id of sessionsOf(planned.filter((one) => isStranger(one, me)))) strangers.add(id);
      const open = planned.filter(({ isSame }) => !isSame);
      const settled = sessionsOf(open).flatMap((id) => {
        const row = totals.get(id);
        return row === undefined ? [] : [update(sessions, { id }, row)];
      });
      const after = [...(await followUps(planned, { own, there: hub })), ...settled];
      // Where it was lost, our next token is the one that the hub has: no word goes out before that is written down.
      if (open.length > 0) await peer.save({});
      return { first: open.length === 0 ? [] : wordOf(context, { pending, sending: open.length }), after };
    },
    landed: () => peer.note(agreed(context)),
    again: () => checkWord(context),
  };
}

function isStranger({ before }: Planned, me: string): boolean {
  return before.version !== undefined && !before.version.born.endsWith(`-${me}`);
}

/** What did not arrive before is offered by itself, a few times: then somebody has to look. */
async function offerAgain(context: Context, strangers: Set<string>): Promise<number> {
  const { own, peer, debts } = context;
  if (!debts.has("push")) return 0;
  const waiting = await own.find(syncQuarantine, {
    where: { peer: peer.now.id, direction: "push", tries: { below: 6 } },
    limit: 200,
  });
  if (waiting.length === 0) debts.delete("push");
  let rows = 0;
  for (const { collection, rowKey } of waiting) {
    const id = `${collection}/${rowKey}`;
    const [version] = await own.find(syncVersions, { where: { id }, limit: 1 });
    const before = context.tally.quarantined;
    const found = version === undefined ? [] : [version];
    rows += (await offer(context, found, { isLast: true, strangers, tie: () => "theirs" })).rows;
    if (context.tally.quarantined === before) await peer.save({}, arrived(context, "push", [id]));
  }
  return rows;
}
