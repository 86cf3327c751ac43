import { isDeepStrictEqual } from "node:util";
import { LociError } from "../../../errors.ts";
import { type Command, clients, type ClientName } from "./clients.ts";
import { type ConfigDocument, differOnlyAt, isTree, type Tree, valueAt } from "./document.ts";
import type { Found } from "./file.ts";
import { jsoncDocument } from "./jsonc.ts";
import { digestOf, type Kept } from "./kept.ts";
import { tomlDocument } from "./toml.ts";

/** What a client's file shall be: bytes, or nothing. */
export interface Change {
  readonly bytes: Buffer | undefined;
  readonly text: string;
  readonly changed: boolean;
}

/** The text with our entry, proven to say the same as before everywhere else. */
export function connected(name: ClientName, found: Found, command: Command): Change {
  const { path, fields, title } = clients[name];
  const document = read(name, found);
  const wanted = fields(command);
  const there = valueAt(document.value, path);
  if (there !== undefined && !isTree(there))
    throw notOurs(found, `${path.join(".")} is no entry of a server`);
  // What a person added to the entry, such as an environment, stays.
  const entry = { ...there, ...wanted };
  if (there !== undefined && isDeepStrictEqual({ ...there }, entry))
    return { bytes: found.bytes, text: found.text, changed: false };
  const text = edited(found, () => document.set(path, wanted));
  if (
    !differOnlyAt(path, {
      before: document.value,
      after: read(name, { ...found, text }).value,
      wanted: entry,
    })
  )
    throw new Error(`The configuration of ${title} would change elsewhere too; nothing was written.`);
  return { bytes: Buffer.from(text), text, changed: true };
}

/** What stood there before; where others wrote since, what they wrote without our entry. */
export function disconnected(
  name: ClientName,
  found: Found,
  kept: Kept,
): Change & { readonly exact: boolean } {
  const before = kept.before === null ? undefined : Buffer.from(kept.before, "base64");
  if (found.bytes !== undefined && digestOf(found.bytes) === kept.after) {
    const text = before?.toString("utf8") ?? "";
    return { bytes: before, text, changed: true, exact: true };
  }
  const { path, title } = clients[name];
  const document = read(name, found);
  if (valueAt(document.value, path) === undefined)
    return { bytes: found.bytes, text: found.text, changed: false, exact: false };
  const old = before === undefined ? undefined : valueAt(asTree(name, before, found), path);
  const text = edited(found, () => {
    const without = document.remove(path);
    return isTree(old) ? documentOf(name, without).set(path, old) : without;
  });
  if (
    !differOnlyAt(path, { before: document.value, after: read(name, { ...found, text }).value, wanted: old })
  )
    throw new Error(`The configuration of ${title} would change elsewhere too; nothing was written.`);
  return { bytes: Buffer.from(text), text, changed: true, exact: false };
}

/** Whether our entry stands there. */
export function isConnected(name: ClientName, found: Found): boolean {
  return valueAt(read(name, found).value, clients[name].path) !== undefined;
}

function asTree(name: ClientName, bytes: Buffer, found: Found): Tree {
  return read(name, { ...found, bytes, text: bytes.toString("utf8") }).value;
}

function documentOf(name: ClientName, text: string): ConfigDocument {
  return name === "codex" ? tomlDocument(text) : jsoncDocument(text);
}

function read(name: ClientName, found: Found): ConfigDocument {
  try {
    return documentOf(name, found.text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new LociError("config", `The file has a fault at ${cause.message}. Nothing was changed.`, {
      where: found.path,
      next: `Mend it, then: loci connect ${name}`,
      cause,
    });
  }
}

/** Where it could only be done by changing what is others', it is not done. */
function edited(found: Found, edit: () => string): string {
  try {
    return edit();
  } catch (cause) {
    throw cause instanceof SyntaxError ? notOurs(found, cause.message) : cause;
  }
}

function notOurs({ path }: Found, message: string): LociError {
  return new LociError("config", `The entry cannot be written without changing others: ${message}.`, {
    where: path,
    next: "Write it by hand: docs/mcp.md has it for each client.",
  });
}
