import { LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";

/** What the answers of one server say of how far it is, and what the next ones have to know of. */
export interface Position {
  /** The frame that an answer has to know of: a replica waits until it has it. Undefined: any will do. */
  needed(): number | undefined;
  /** Throws where the answer is too old. */
  answered(frame: number | undefined, sentAt: Millis): void;
}

/** How far the primary was, and when: what the frame of a replica's answer says of its age. */
export interface Freshness {
  readonly primary: Position;
  /** Its answers count where they know of all that this process wrote or read, and are not older than the bound. */
  replica(region: string, told: ReplicaTold): Position;
  /** False where the primary says nothing of its frames: then nobody can say how old another's answer is. */
  tells(): boolean;
  /** How long ago the primary was asked what it answered last. */
  age(): Millis;
}

export interface ReplicaTold {
  /** Undefined: there is none at the moment. */
  readonly bound: () => Millis | undefined;
  /** How far it is behind the primary, at most. */
  readonly behind: (age: Millis) => void;
}

/** The primary was at this frame, or further, at that moment. */
interface Mark {
  readonly frame: number;
  readonly at: Millis;
}

/** More are not needed: bounds are seconds, and the primary is asked every second or so. */
const marksKept = 256;

export function createFreshness(elapsed: () => Millis): Freshness {
  const seen = createSeen(elapsed);
  let tells = true;
  return {
    primary: {
      needed: () => undefined,
      answered(frame, at) {
        tells = frame !== undefined;
        if (frame !== undefined) seen.primaryAt({ frame, at });
      },
    },
    replica: (region, { bound, behind }) => ({
      needed: () => (seen.needed() === 0 ? undefined : seen.needed()),
      answered(frame) {
        if (frame === undefined || frame < seen.needed())
          throw tooOld(region, "does not know yet what was written or read here");
        if (seen.isOfAnother(frame)) throw tooOld(region, "has another history than the primary");
        const age = seen.ageOf(frame);
        if (Number.isFinite(age)) behind(age);
        const most = bound();
        if (most !== undefined && age > most) {
          const by = Number.isFinite(age) ? `${Math.round(age)} ms` : "an unknown time";
          throw tooOld(region, `is ${by} behind the primary, and ${most} ms are allowed`);
        }
        seen.need(frame);
      },
    }),
    tells: () => tells,
    age: seen.age,
  };
}

/** What this process saw of frames. */
interface Seen {
  primaryAt(mark: Mark): void;
  /** Answers from now on have to know of it. */
  need(frame: number): void;
  needed(): number;
  isOfAnother(frame: number): boolean;
  ageOf(frame: number): Millis;
  age(): Millis;
}

function createSeen(elapsed: () => Millis): Seen {
  const marks: Mark[] = [];
  let needed = 0;
  let neededSince = Number.NEGATIVE_INFINITY;
  /** The highest of all servers; and what it was when the primary began to count anew. */
  let highest = 0;
  let highestBefore = 0;
  const need = (frame: number): void => {
    highest = Math.max(highest, frame);
    if (frame <= needed) return;
    needed = frame;
    neededSince = elapsed();
  };
  return {
    need,
    needed: () => needed,
    primaryAt(mark) {
      // A sqld that did not end well counts its frames anew; a replica that has not heard of it still has the old ones.
      if (mark.frame < needed && mark.at > neededSince) {
        marks.length = 0;
        needed = mark.frame;
        highestBefore = highest;
        highest = mark.frame;
      }
      need(mark.frame);
      const last = marks.at(-1);
      if (last && (mark.at <= last.at || mark.frame < last.frame)) return;
      if (last?.frame === mark.frame) marks.pop();
      marks.push(mark);
      if (marks.length > marksKept) marks.shift();
    },
    isOfAnother(frame) {
      const last = marks.at(-1)?.frame;
      // The primary was never heard of: there is nothing to compare with.
      if (last === undefined) return false;
      if (frame <= last || last > highestBefore) return false;
      highestBefore = Math.max(highestBefore, frame);
      return true;
    },
    ageOf(frame) {
      const mark = marks.findLast((one) => one.frame <= frame);
      return mark ? elapsed() - mark.at : Number.POSITIVE_INFINITY;
    },
    age: () => elapsed() - (marks.at(-1)?.at ?? Number.NEGATIVE_INFINITY),
  };
}

function tooOld(region: string, why: string): LociError {
  return new LociError("unreachable", `${region} ${why}.`, { next: "loci edge" });
}
