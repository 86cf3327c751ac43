import { createHash, randomFillSync } from "node:crypto";

const pool = Buffer.alloc(4096);
let used = pool.length;
let lastMillis = 0;
let counter = 0;

/**
 * A new id: UUIDv7 (RFC 9562, section 5.7). Ids made in one process ascend, also within a millisecond and when the
 * clock steps back: the 12 bits after the version are a counter then.
 */
export function newId(now: number = Date.now()): string {
  if (now > lastMillis) {
    lastMillis = now;
    counter = 0;
  } else {
    counter++;
    if (counter > 0xfff) {
      lastMillis++;
      counter = 0;
    }
  }
  if (used + 8 > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.toString("hex", used, used + 8);
  used += 8;
  return assemble(lastMillis, counter.toString(16).padStart(3, "0"), random);
}

/** The same id for the same thing, each time: UUIDv7's shape, its random bits taken from a hash of `parts`. */
export function stableId(at: number, ...parts: readonly string[]): string {
  const hash = createHash("sha256").update(parts.join("\u0000")).digest("hex");
  return assemble(Math.max(0, Math.floor(at)), hash.slice(0, 3), hash.slice(3, 19));
}

/** Rows that telemetry told of have ids of this form: where a runtime's own record comes, they give way to it. */
export const telemetryMark = "otlp-";

/** The same id for the same thing that telemetry tells, whatever moment it names: a span and a log may both tell it. */
export function telemetryId(...parts: readonly string[]): string {
  return telemetryMark + createHash("sha256").update(parts.join("\u0000")).digest("hex").slice(0, 32);
}

/** The moment that an id of ours begins with. */
export function momentOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) || 0;
}

function assemble(millis: number, high: string, random: string): string {
  const time = millis.toString(16).padStart(12, "0").slice(-12);
  const variant = ((Number.parseInt(random.charAt(0), 16) & 0x3) | 0x8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${high}-${variant}${random.slice(1, 4)}-${random.slice(4, 16)}`;
}
