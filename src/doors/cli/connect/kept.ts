import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMissing } from "./file.ts";

/** What stood in a client's file before we wrote, so that it can be put back to the byte. */
export interface Kept {
  readonly v: 1;
  readonly client: string;
  readonly file: string;
  /** Its bytes in base64; null where there was no file. */
  readonly before: string | null;
  /** The digest of what we wrote: while the file has it, nobody else wrote. */
  readonly after: string;
  /** Folders that we made, the innermost first. */
  readonly folders: readonly string[];
}

export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export interface Keeper {
  read(client: string, file: string): Kept | undefined;
  write(kept: Kept): void;
  forget(kept: Kept): void;
}

/** Backups stand in the folder of our own files; a client's file may hold secrets, so only the person reads them. */
export function createKeeper(home: string): Keeper {
  const folder = join(home, "connect");
  const pathOf = ({ client, file }: Pick<Kept, "client" | "file">): string =>
    join(folder, `${client}-${digestOf(Buffer.from(file)).slice(0, 12)}.json`);
  return {
    read(client, file) {
      try {
        // We wrote it, and only the person can have changed it.
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shape is checked by its version below
        const kept = JSON.parse(readFileSync(pathOf({ client, file }), "utf8")) as Kept;
        return kept.v === 1 && kept.file === file ? kept : undefined;
      } catch (error) {
        if (isMissing(error) || error instanceof SyntaxError) return undefined;
        throw error;
      }
    },
    write(kept) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileSync(pathOf(kept), `${JSON.stringify(kept)}\n`, { mode: 0o600 });
    },
    forget: (kept) => rmSync(pathOf(kept), { force: true }),
  };
}
