import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Millis } from "../../../operations/operation.ts";

/** A server that did not answer is not asked again for so long: each session that begins would wait for it. */
const remembered: Millis = 60_000;

/** Which server was silent, in a file; of a store's address, which may hold a secret, only a digest. */
export function createSilence(
  file: string,
  url: string,
): { readonly isRecent: () => boolean; readonly note: () => void } {
  const digest = createHash("sha256").update(url).digest("hex");
  return {
    isRecent() {
      try {
        const age = Date.now() - statSync(file).mtimeMs;
        return age < remembered && readFileSync(file, "utf8") === digest;
      } catch {
        return false;
      }
    },
    note() {
      try {
        mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
        writeFileSync(file, digest, { mode: 0o600 });
      } catch {
        // Then the next one waits as long.
      }
    },
  };
}
