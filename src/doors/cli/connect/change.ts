import { isDeepStrictEqual } from "node:util";
import { LociError } from "../../../errors.ts";
import type { ClientName, Entry, Target } from "./clients.ts";
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

/** The text with our entries, proven to say the same as before everywhere else. */
export function connected(target: Target, found: Found): Change {
  const text = target.entries.reduce(
    (all, entry) => withEntry(target, { ...found, text: all }, entry),
    found.text,
  );
  const changed = text !== found.text;
  return { bytes: changed ? Buffer.from(text) : found.bytes, text, changed };
}

function withEntry(target: Target, found: Found, { path, value }: Entry): string {
  const document = read(target, found);
  const there = valueAt(document.value, path);
  if (isTree(value) && there !== undefined && !isTree(there))
    throw notOurs(found, `${path.join(".")} is no object there`);
  // What a person added to the entry, such as an environment, stays.
  const entry = isTree(value) && isTree(there) ? { ...there, ...value } : value;
  if (there !== undefined && isDeepStrictEqual(isTree(there) ? { ...there } : there, entry))
    return found.text;
  const text = edited(found, () => put(document, path, value));
  proveOnly(target, { path, before: document.value, wanted: entry, after: { ...found, text } });
  return text;
}

/** What stood there before; where others wrote since, what they wrote without our entries. */
export function disconnected(target: Target, found: Found, kept: Kept): Change & { readonly exact: boolean } {
  const before = kept.before === null ? undefined : Buffer.from(kept.before, "base64");
  if (found.bytes !== undefined && digestOf(found.bytes) === kept.after) {
    const text = before?.toString("utf8") ?? "";
    return { bytes: before, text, changed: true, exact: true };
  }
  const old = before === undefined ? {} : read(target, { ...found, text: before.toString("utf8") }).value;
  const text = target.entries.reduce(
    (all, { path }) => withoutEntry(target, { ...found, text: all }, { path, value: valueAt(old, path) }),
    found.text,
  );
  const changed = text !== found.text;
  return { bytes: changed ? Buffer.from(text) : found.bytes, text, changed, exact: false };
}

/** Without the entry, or with the value that it had. */
function withoutEntry(target: Target, found: Found, { path, value: old }: Entry): string {
  const document = read(target, found);
  if (valueAt(document.value, path) === undefined) return found.text;
  const text = edited(found, () => {
    const without = document.remove(path);
    return old === undefined ? without : put(documentOf(target.client, without), path, old);
  });
  proveOnly(target, { path, before: document.value, wanted: old, after: { ...found, text } });
  return text;
}

function put(document: ConfigDocument, path: readonly string[], value: unknown): string {
  return isTree(value)
    ? document.set(path, value)
    : document.set(path.slice(0, -1), { [path.at(-1) ?? ""]: value });
}

interface Proof {
  readonly path: readonly string[];
  readonly before: Tree;
  readonly wanted: unknown;
  readonly after: Found;
}

function proveOnly(target: Target, { path, before, wanted, after }: Proof): void {
  if (differOnlyAt(path, { before, after: read(target, after).value, wanted })) return;
  throw new Error(`The configuration of ${target.title} would change elsewhere too; nothing was written.`);
}

/** Whether our entries stand there. */
export function isConnected(target: Target, found: Found): boolean {
  const { value } = read(target, found);
  return target.entries.every(({ path }) => valueAt(value, path) !== undefined);
}

function documentOf(name: ClientName, text: string): ConfigDocument {
  return name === "codex" ? tomlDocument(text) : jsoncDocument(text);
}

function read({ client, asked }: Target, found: Found): ConfigDocument {
  try {
    return documentOf(client, found.text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new LociError("config", `The file has a fault at ${cause.message}. Nothing was changed.`, {
      where: found.path,
      next: `Mend it, then: ${asked}`,
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
