import { createHash } from "node:crypto";
import { type Change, insert, remove, update } from "../../engine/engine.ts";
import type { Millis } from "../../model/collection.ts";
import { millisOfClock } from "../../model/sync.ts";
import {
  type SyncConflict,
  syncConflicts,
  syncQuarantine,
  type SyncQuarantined,
} from "../../model/sync-state.ts";
import { digestOf } from "./canonical.ts";
import type { Brought, Context, Direction } from "./context.ts";
import type { Clash } from "./merge.ts";
import type { Planned } from "./plan.ts";

/** A value that gave way is kept up to this length; of a longer one, its beginning. */
const longestValue = 64 * 1024;

/** What a brought batch leaves to be told: conflicts, and rows that did not arrive. Counted in the tally. */
export function logged(context: Context, direction: Direction, brought: Brought): Change[] {
  const { peer, now, tally } = context;
  const conflicts = brought.clashes.filter((clash) => bothChanged(context, direction, clash));
  tally.conflicts += conflicts.length;
  const rows: SyncQuarantined[] = [
    ...brought.mismatches.map(({ planned, found }) => ({
      ...common(peer.now.id, direction, planned),
      collection: planned.table.collection.name,
      rowKey: planned.key,
      reason:
        found === undefined ? "It is not there after it was written." : "It does not stand as it was sent.",
      sent: digestOf(planned.table, planned.row ?? undefined),
      found: digestOf(planned.table, found),
      at: now(),
    })),
    ...brought.refused.map((one) => ({
      ...common(peer.now.id, direction, one),
      collection: one.collection,
      rowKey: one.rowKey,
      reason: one.reason,
      sent: null,
      found: null,
      at: now(),
    })),
  ];
  tally.quarantined += rows.length;
  if (rows.length > 0) context.debts.add(direction);
  return [
    ...(conflicts.length === 0
      ? []
      : [
          insert(
            syncConflicts,
            conflicts.map((clash) => conflictOf(clash, now())),
          ),
        ]),
    ...(rows.length === 0 ? [] : [insert(syncQuarantine, rows)]),
    // One that was there already is tried once more, and may fail for another reason.
    ...rows.map(({ id, reason, sent, found }) =>
      update(syncQuarantine, { id }, { reason, sent, found, tries: { add: 1 } }),
    ),
  ];
}

function common(
  peer: string,
  direction: Direction,
  { id, sessionId }: Pick<Planned, "id" | "sessionId">,
): Pick<SyncQuarantined, "id" | "peer" | "direction" | "sessionId" | "tries"> {
  return { id: `${peer}/${direction}/${id}`, peer, direction, sessionId, tries: 0 };
}

/** These have arrived. */
export function arrived(context: Context, direction: Direction, ids: readonly string[]): Change[] {
  if (ids.length === 0) return [];
  const peer = context.peer.now.id;
  return [remove(syncQuarantine, { id: { anyOf: ids.map((id) => `${peer}/${direction}/${id}`) } })];
}

/**
 * Whether it is more than an older value that a newer one replaced: our store changed the field since it last heard of the
 * other side, and the other side did too.
 */
function bothChanged({ me, peer }: Context, direction: Direction, { kept, lost, winner }: Clash): boolean {
  const oursWon = (winner === "mine") === (direction === "pull");
  const [ours, others] = oursWon ? [kept, lost] : [lost, kept];
  if (!ours.endsWith(`-${me}`) || others.endsWith(`-${me}`)) return false;
  return peer.now.okAt === null || millisOfClock(ours) >= peer.now.okAt;
}

function conflictOf(
  { planned, field, kept, lost, lostValue }: Brought["clashes"][number],
  at: Millis,
): SyncConflict {
  const { id, key, table } = planned;
  const text = JSON.stringify(lostValue instanceof Uint8Array ? null : lostValue) ?? "null";
  return {
    id: createHash("sha256")
      .update(`${id}\u0000${field}\u0000${kept}\u0000${lost}`)
      .digest("hex")
      .slice(0, 32),
    at,
    collection: table.collection.name,
    rowKey: key,
    field,
    kept,
    lost,
    lostValue:
      text.length <= longestValue ? (text === "null" ? null : lostValue) : text.slice(0, longestValue),
  };
}
