import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import type { FieldKind } from "../../model/collection.ts";
import { rawEvents } from "../../model/raw-event.ts";
import type { Redactor } from "../../record/redact.ts";
import type { Fields, SyncTable } from "../tables.ts";

/** No block of raw lines is larger when it is unpacked: what is, was made to fill the memory. */
const largestBlock = 256 * 1024 * 1024;

/** The row as it may leave: secrets replaced once more, whatever the recorder was told. Ids stay as they are. */
export function createLeaving(redactor: Redactor): (table: SyncTable, row: Fields) => Fields {
  return ({ collection, fields }, row) => {
    const changed: Array<readonly [string, unknown]> = [];
    for (const name of fields) {
      const value = row[name];
      const clean = cleaned(redactor, collection.fields[name]?.kind, value);
      if (clean !== value) changed.push([name, clean]);
    }
    if (collection.name === rawEvents.name && row["payload"] instanceof Uint8Array) {
      const clean = cleanLines(redactor, row["payload"]);
      if (clean !== undefined) changed.push(["payload", clean]);
    }
    return changed.length === 0 ? row : { ...row, ...Object.fromEntries(changed) };
  };
}

function cleaned(redactor: Redactor, kind: FieldKind | undefined, value: unknown): unknown {
  if (value === null || value === undefined) return value;
  if (kind === "text" && typeof value === "string") return redactor.text(value);
  return kind === "json" || kind === "payload" ? redactor.value(value) : value;
}

/** Undefined where there is nothing to replace. */
function cleanLines(redactor: Redactor, payload: Uint8Array): Uint8Array | undefined {
  const text = brotliDecompressSync(payload, { maxOutputLength: largestBlock }).toString("utf8");
  const clean = redactor.text(text);
  if (clean === text) return undefined;
  const lines = text.split("\n").map((line) => redactor.line(line));
  const bytes = Buffer.from(lines.join("\n"), "utf8");
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } });
}
