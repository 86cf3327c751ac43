import { type Change, guard, insert, update } from "../../engine/engine.ts";
import { errorCode, LociError } from "../../errors.ts";
import { type SyncSpoke, syncSpokes } from "../../model/sync-state.ts";
import { Astray, type Context } from "./context.ts";
import { syncTables } from "../tables.ts";

/**
 * Each word from us to the hub changes the token in its row of this store, in one step with the rows that it brings. A hub
 * that was emptied or taken back from a backup shows an older one; so it does where our own store was, or where a copy of
 * it goes on under the same id. Then nothing that was agreed before counts, and everything is offered and taken again.
 */
export function wordOf(
  context: Context,
  { pending, sending }: { readonly pending: number; readonly sending: number },
): Change[] {
  if (context.mute) return [];
  const { token, nextToken } = context.peer.now;
  const said = saying(context);
  const patch = { ...said, rowsSent: said.rowsSent + sending, token: nextToken, pending };
  return [guard(update(syncSpokes, { id: context.me, token }, patch))];
}

function saying({
  name,
  mode,
  now,
  peer,
  tally,
}: Context): Omit<SyncSpoke, "id" | "token" | "pending" | "firstAt"> {
  return {
    name,
    mode,
    state: "ok",
    errorCode: null,
    errorMessage: null,
    seenAt: now(),
    rowsSent: peer.now.rowsSent + tally.sent,
    rowsReceived: peer.now.rowsReceived + tally.received,
  };
}

/** The word was taken: what is agreed from now on, to be saved. */
export function agreed(context: Context): { token: string; nextToken: string } | object {
  return context.mute ? {} : { token: context.peer.now.nextToken, nextToken: context.makeId() };
}

/** After a word that was not taken. Errors: {@link Astray}. */
export async function checkWord(context: Context): Promise<void> {
  context.check();
  if (context.mute) return;
  const { token, nextToken } = context.peer.now;
  const [row] = await context.hub.find(syncSpokes, { where: { id: context.me }, limit: 1 });
  if (row?.token === token) return;
  // It was taken, and only its answer was lost.
  if (row?.token !== nextToken) throw new Astray();
  await context.peer.save(agreed(context));
}

/** A word by itself: that we were here. */
export async function say(context: Context): Promise<void> {
  if (context.mute) return;
  try {
    for (;;) {
      await context.peer.save({});
      const { counts } = await context.hub.feed.apply(wordOf(context, { pending: 0, sending: 0 }), []);
      if (counts[0] === 1) return context.peer.note(agreed(context));
      await checkWord(context);
    }
  } catch (error) {
    if (!mayNotWrite(error) || context.mode !== "pull") throw error;
    context.mute = true;
  }
}

/** Whoever only pulls may have a token that only reads. */
function mayNotWrite(error: unknown): boolean {
  const code = errorCode(error);
  return code === "permission" || code === "read-only";
}

/** The first word to a hub since it was opened, and after we went astray. Answers whether all is to go over again. */
export async function greet(context: Context): Promise<boolean> {
  const { hub, me, peer } = context;
  const store = await startFeed(context);
  if (store === me) {
    throw new LociError("config", `The hub ${hub.place} is this store itself.`, {
      where: hub.place,
      next: "Name another store as the hub, or none",
    });
  }
  const known = peer.now.store;
  const [row] = context.mute ? [] : await hub.find(syncSpokes, { where: { id: me }, limit: 1 });
  if (row?.token === peer.now.nextToken) await peer.save(agreed(context));
  const together = known === store && (context.mute || row?.token === peer.now.token);
  if (together) return false;
  const again = known !== null || row !== undefined;
  // Before our token stands there: whoever is stopped in between goes astray once more, and forgets nothing.
  await peer.save({ store, pushed: null, pulled: null, offerAll: again, takeAll: again });
  if (!context.mute) await introduce(context, row);
  return again;
}

async function startFeed(context: Context): Promise<string> {
  try {
    return await context.hub.feed.start(syncTables);
  } catch (error) {
    if (!mayNotWrite(error) || context.mode !== "pull") throw error;
    context.mute = true;
    const { store } = await context.hub.feed.read({ after: null, limit: 1 });
    return store;
  }
}

/** Puts our token into the hub's row of this store. */
async function introduce(context: Context, row: SyncSpoke | undefined): Promise<void> {
  const { hub, me, peer, now } = context;
  const { token } = peer.now;
  const said = { ...saying(context), pending: 0, token };
  if (row === undefined) await hub.write([insert(syncSpokes, [{ id: me, firstAt: now(), ...said }])]);
  else await hub.write([update(syncSpokes, { id: me, token: row.token }, said)]);
}
