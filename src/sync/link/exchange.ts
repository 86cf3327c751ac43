import type { Millis } from "../../model/collection.ts";
import type { SyncReport } from "../report.ts";
import { Astray, type Context } from "./context.ts";
import { compareDue } from "./compare.ts";
import type { CountLine } from "../report.ts";
import { countBoth, isMoving } from "./counts.ts";
import { pull } from "./pull.ts";
import { push } from "./push.ts";
import { greet, say } from "./word.ts";

export type Exchanged = Pick<SyncReport, "state" | "counts" | "compared" | "again">;

/** Where nothing went over, and as often where rows are only sent, the counts are compared after so long. */
const countAgain: Millis = 60_000;
/** Two stores that merge meet again at once; others may write to the hub at the same time. */
const rounds = 4;

/** One sync, in the mode that was asked for. `isKnown`: the hub was greeted since it was opened. */
export async function exchange(context: Context, isKnown: boolean): Promise<Exchanged> {
  let again = isKnown ? false : await greet(context);
  for (let strays = 0; ; strays++) {
    try {
      return { ...(await goOver(context)), again };
    } catch (error) {
      if (!(error instanceof Astray) || strays === 2) throw error;
      again = (await greet(context)) || again;
    }
  }
}

async function goOver(context: Context): Promise<Omit<Exchanged, "again">> {
  const { mode, peer } = context;
  const token = peer.now.token;
  let moved = await move(context);
  // Else the hub does not know that we were here, nor we whether it is the same one.
  if (peer.now.token === token) await say(context);
  const { verifiedAt, state } = peer.now;
  const isDue =
    verifiedAt === null || Math.abs(context.now() - verifiedAt) >= countAgain || state === "mismatch";
  if (!isDue && (mode === "push" || !moved)) return { state: "ok", counts: null, compared: null };
  for (let round = 0; ; round++) {
    const counts = await countBoth(context);
    if (counts.every((line) => isRight(context, line))) {
      const compared = await compareDue(context);
      if (compared !== null && compared.different > 0) return { state: "mismatch", counts, compared };
      peer.note({ verifiedAt: context.now() });
      return { state: "ok", counts, compared };
    }
    if (round < rounds && (await isMoving(context))) {
      moved = await move(context);
      continue;
    }
    if (round >= rounds) {
      return { state: (await isMoving(context)) ? "ok" : "mismatch", counts, compared: null };
    }
    // Nothing is on its way, and the two are not the same: all of it once more.
    await peer.save({ pushed: null, pulled: null, offerAll: true, takeAll: true });
    await move(context);
    round = Math.max(round, rounds - 1);
  }
}

/** Whoever only sends knows less than the hub, and whoever only takes may know more. */
function isRight({ mode }: Context, { here, there }: CountLine): boolean {
  if (mode === "push") return there >= here;
  return mode === "pull" ? here >= there : here === there;
}

/** Answers whether anything went over. */
async function move(context: Context): Promise<boolean> {
  const { mode } = context;
  if (mode === "push") return (await push(context)).rows > 0;
  if (mode === "pull") return (await pull(context)) > 0;
  let moved = false;
  for (let round = 0; round < rounds; round++) {
    const taken = await pull(context);
    const pushed = await push(context);
    moved ||= taken + pushed.rows > 0;
    // What became other at the hub than it was sent comes back at once.
    if (pushed.merged === 0) break;
  }
  return moved;
}
