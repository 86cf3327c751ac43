import { placeIn } from "./document.ts";

/** JSON with comments and commas behind the last one, as VS Code and OpenCode take it, with the place of everything. */
export type JsonNode = ObjectNode | OtherNode;

export interface ObjectNode {
  readonly kind: "object";
  readonly value: Readonly<Record<string, unknown>>;
  readonly start: number;
  readonly end: number;
  readonly members: readonly Member[];
}

interface OtherNode {
  readonly kind: "other";
  readonly value: unknown;
  readonly start: number;
  readonly end: number;
}

export interface Member {
  readonly key: string;
  readonly start: number;
  readonly node: JsonNode;
  /** Behind the comma that follows it; undefined where none does. */
  readonly comma: number | undefined;
}

/** Deeper than any configuration; a thousand brackets are no configuration. */
const deepest = 200;

/** The one value of the text, or undefined where there is only space and comments. Throws a SyntaxError. */
export function readJsonc(text: string): JsonNode | undefined {
  const start = skipSpace(text, text.startsWith("\ufeff") ? 1 : 0);
  if (start === text.length) return undefined;
  const node = readValue(text, start, 0);
  const end = skipSpace(text, node.end);
  if (end < text.length) throw fault(text, end, "the end was expected");
  return node;
}

/** Behind space and comments. */
export function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const found = /^(?:[ \t\r\n]+|\/\/[^\r\n]*|\/\*[^]*?\*\/)/.exec(text.slice(at, at + 64 * 1024));
    if (found === null) {
      if (text.startsWith("/*", at)) throw fault(text, at, "this comment does not end");
      return at;
    }
    at += found[0].length;
  }
}

function readValue(text: string, at: number, depth: number): JsonNode {
  if (depth > deepest) throw fault(text, at, "this is nested too deep");
  if (text[at] === "{") return readObject(text, at, depth);
  if (text[at] === "[") return readList(text, at, depth);
  const end =
    text[at] === '"' ? stringEnd(text, at) : at + (/^[-\w.+]*/.exec(text.slice(at))?.[0].length ?? 0);
  try {
    return { kind: "other", value: JSON.parse(text.slice(at, end)), start: at, end };
  } catch {
    throw fault(text, at, "a value was expected");
  }
}

/** By hand: a pattern runs out of stack in a text of some megabytes, and a client's history has such. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code === 0x5c) at++;
    if (code < 0x20) break;
  }
  throw fault(text, start, "this text does not end");
}

function readObject(text: string, start: number, depth: number): ObjectNode {
  const members: Member[] = [];
  let at = skipSpace(text, start + 1);
  while (text[at] !== "}") {
    if (members.length > 0 && members.at(-1)?.comma === undefined)
      throw fault(text, at, "a comma or } was expected");
    if (text[at] !== '"') throw fault(text, at, "a name in quotes was expected");
    const name = readValue(text, at, depth);
    const colon = skipSpace(text, name.end);
    if (text[colon] !== ":") throw fault(text, colon, "a colon was expected");
    const node = readValue(text, skipSpace(text, colon + 1), depth + 1);
    const behind = skipSpace(text, node.end);
    const comma = text[behind] === "," ? behind + 1 : undefined;
    members.push({ key: String(name.value), start: at, node, comma });
    at = skipSpace(text, comma ?? behind);
  }
  const value = Object.fromEntries(members.map(({ key, node }) => [key, node.value]));
  return { kind: "object", value, start, end: at + 1, members };
}

function readList(text: string, start: number, depth: number): OtherNode {
  const value: unknown[] = [];
  let [at, open] = [skipSpace(text, start + 1), true];
  while (text[at] !== "]") {
    if (!open) throw fault(text, at, "a comma or ] was expected");
    const node = readValue(text, at, depth + 1);
    value.push(node.value);
    const behind = skipSpace(text, node.end);
    open = text[behind] === ",";
    at = open ? skipSpace(text, behind + 1) : behind;
  }
  return { kind: "other", value, start, end: at + 1 };
}

function fault(text: string, at: number, expected: string): SyntaxError {
  return new SyntaxError(`${placeIn(text, at)}: ${expected}`);
}
