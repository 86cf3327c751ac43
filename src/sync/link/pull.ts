import { settleSessions } from "../../domains/settle.ts";
import { LociError } from "../../errors.ts";
import { type RowVersion, syncVersions } from "../../model/sync.ts";
import { syncQuarantine } from "../../model/sync-state.ts";
import { followUps, sessionsOf } from "./beside.ts";
import { bring } from "./bring.ts";
import { Astray, type Context, type Tie } from "./context.ts";
import type { Ground } from "./land.ts";
import { arrived, logged } from "./log.ts";
import { gather, weighed } from "./outgoing.ts";
import { syncNames } from "../tables.ts";

/** Of one page: its rows are in memory at once, and a row may have megabytes. */
const pageBytes = 8 * 1024 * 1024;

/** Takes in all changes of the hub behind the cursor, and moves it as far as they stand here. Answers how many. */
export async function pull(context: Context): Promise<number> {
  const { hub, peer, me, limits } = context;
  let rows = 0;
  let limit = limits.rows;
  for (;;) {
    context.check();
    const { takeAll, pulled, store } = peer.now;
    const page = await hub.feed.read({
      after: pulled,
      limit,
      collections: syncNames,
      ...(takeAll ? {} : { notVia: me }),
    });
    if (page.store !== store) throw new Astray();
    if (page.anew && pulled !== null) {
      await peer.save({ pulled: null, takeAll: true, offerAll: true, pushed: null });
      continue;
    }
    const before = context.tally.bytesReceived;
    rows += await takeIn(context, page.versions);
    const isLast = page.versions.length < limit;
    await peer.save({ pulled: page.cursor, ...(isLast ? { takeAll: false } : {}) });
    if (isLast) break;
    const each = Math.max(1, (context.tally.bytesReceived - before) / page.versions.length);
    limit = Math.max(1, Math.min(limits.rows, Math.floor(pageBytes / each)));
  }
  return rows + (await takeAgain(context));
}

/** Takes in the rows of these versions of the hub, as they are there by now. */
export async function takeIn(context: Context, versions: readonly RowVersion[], tie?: Tie): Promise<number> {
  if (versions.length === 0) return 0;
  const { own, hub, peer, tally } = context;
  // What was made local stays as it is here, whatever became of what the hub has of it.
  const stays = await context.local.among(versions.map(({ sessionId }) => sessionId));
  const coming = versions.filter(({ sessionId }) => sessionId === null || !stays.has(sessionId));
  const cargo = weighed(await gather(hub, coming));
  context.check();
  const brought = await bring(
    ownGround(context),
    cargo.map(({ incoming }) => incoming),
    { tie },
  );
  tally.received += brought.written;
  tally.bytesReceived += cargo.reduce((sum, { bytes }) => sum + bytes, 0);
  // Also of rows that were here already: whoever was stopped between the two did not come to it.
  await settleSessions(own, sessionsOf(coming), { nameModel: false });
  await peer.save({}, logged(context, "pull", brought));
  return brought.written;
}

function ownGround(context: Context): Ground {
  const { own, me, peer } = context;
  return {
    engine: own,
    store: me,
    from: peer.now.store ?? "",
    now: context.now,
    moves: "standing",
    view: context.leaving,
    async beside(planned) {
      return { first: [], after: await followUps(planned, { own, there: own }) };
    },
    again: async () => context.check(),
  };
}

/** What could not be taken in before is asked for by itself. */
async function takeAgain(context: Context): Promise<number> {
  const { own, hub, peer, debts } = context;
  if (!debts.has("pull")) return 0;
  const waiting = await own.find(syncQuarantine, {
    where: { peer: peer.now.id, direction: "pull", tries: { below: 6 } },
    limit: 200,
  });
  if (waiting.length === 0) debts.delete("pull");
  let rows = 0;
  for (const { collection, rowKey } of waiting) {
    const id = `${collection}/${rowKey}`;
    const found = await hub.find(syncVersions, { where: { id }, limit: 1 });
    const before = context.tally.quarantined;
    rows += await takeIn(context, found, () => "theirs");
    if (context.tally.quarantined === before) await peer.save({}, arrived(context, "pull", [id]));
  }
  return rows;
}

/** The sync was cancelled. */
export function interrupted(): LociError {
  return new LociError("interrupted", "The sync was cancelled: what went over until then stays.", {
    next: "Sync again: it goes on where it stopped",
  });
}
