import { applyEdits, type ConfigDocument, type Edit, isTree, lineEnd, type Tree } from "./document.ts";
import { type JsonNode, type Member, type ObjectNode, readJsonc, skipSpace } from "./jsonc-read.ts";

/** Throws a SyntaxError where the text is no JSON, and where its root is no object. */
export function jsoncDocument(text: string): ConfigDocument {
  const root = readJsonc(text);
  if (root !== undefined && root.kind !== "object")
    throw new SyntaxError("line 1: an object in braces was expected");
  return {
    value: root?.value ?? {},
    set: (path, fields) => set({ text, root, unit: unitOf(text) }, path, fields),
    remove: (path) => remove(text, root, path),
  };
}

interface Text {
  readonly text: string;
  readonly root: ObjectNode | undefined;
  /** One step of indentation. */
  readonly unit: string;
}

/** The first indented line says how this file is indented. */
function unitOf(text: string): string {
  return /[{[][^\S\r\n]*\r?\n([ \t]+)\S/.exec(text)?.[1] ?? "  ";
}

function set(of: Text, path: readonly string[], fields: Tree): string {
  const { text, root } = of;
  if (root === undefined) {
    const made = pretty(nested(path, fields), { ...of, indent: "" });
    // Space alone is nothing to keep; a comment is.
    const kept = text.replace(/^\ufeff?\s*$/, (space) => (space.startsWith("\ufeff") ? "\ufeff" : ""));
    const gap = kept === "" || kept === "\ufeff" || kept.endsWith("\n") ? "" : lineEnd(text);
    return `${kept}${gap}${made}${lineEnd(text)}`;
  }
  let node: ObjectNode = root;
  for (const [at, name] of path.entries()) {
    const member = memberNamed(node, name);
    const rest = path.slice(at + 1);
    if (member === undefined) return applyEdits(text, added(of, node, [name, nested(rest, fields)]));
    if (member.node.kind !== "object") throw new SyntaxError(`${name} is no object there`);
    node = member.node;
  }
  const missing = Object.entries(fields).filter(([name]) => memberNamed(node, name) === undefined);
  const edits = Object.entries(fields).flatMap(([name, value]): Edit[] => {
    const member = memberNamed(node, name);
    if (member === undefined) return [];
    const { start, end } = member.node;
    const put = pretty(value, { ...of, indent: indentAt(text, member.start) });
    return [{ from: start, to: end, text: put }];
  });
  return missing.reduce((all, field) => withField(all, path, field), applyEdits(text, edits));
}

function withField(text: string, path: readonly string[], field: readonly [string, unknown]): string {
  const root = readJsonc(text);
  const node = path.reduce<JsonNode | undefined>(
    (at, name) => (at?.kind === "object" ? at.members.find(({ key }) => key === name)?.node : undefined),
    root,
  );
  if (root?.kind !== "object" || node?.kind !== "object") throw new SyntaxError("an object was expected");
  return applyEdits(text, added({ text, root, unit: unitOf(text) }, node, field));
}

function nested(path: readonly string[], fields: Tree): Tree {
  return path.reduceRight<Tree>((inner, name) => ({ [name]: inner }), fields);
}

function memberNamed({ members }: ObjectNode, name: string): Member | undefined {
  const found = members.filter(({ key }) => key === name);
  if (found.length < 2) return found[0];
  throw new SyntaxError(`${JSON.stringify(name)} stands there twice, and which one counts is not said`);
}

/** One more member at the end of an object, in the manner of those that are there. */
function added(
  { text, unit }: Pick<Text, "text" | "unit"> & { readonly root: ObjectNode | undefined },
  node: ObjectNode,
  [name, value]: readonly [string, unknown],
): Edit[] {
  const end = lineEnd(text);
  const last = node.members.at(-1);
  const close = node.end - 1;
  // Behind everything that stands before the brace, comments too.
  const behind = text.slice(0, close).trimEnd().length;
  if (last === undefined) {
    const outer = indentAt(text, node.start);
    const indent = outer + unit;
    const put = `${end}${indent}${JSON.stringify(name)}: ${pretty(value, { text, unit, indent })}${end}${outer}`;
    return [{ from: Math.max(behind, node.start + 1), to: close, text: put }];
  }
  const comma = last.comma === undefined ? [{ from: last.node.end, to: last.node.end, text: "," }] : [];
  const trailing = last.comma === undefined ? "" : ",";
  if (!text.slice(node.start, close).includes("\n")) {
    const put = ` ${JSON.stringify(name)}: ${compact(value)}${trailing}`;
    return merged(comma, { from: behind, to: behind, text: put });
  }
  const indent = indentAt(text, last.start);
  const put = `${end}${indent}${JSON.stringify(name)}: ${pretty(value, { text, unit, indent })}${trailing}`;
  // A brace that stands on the line of the last member gets its own.
  const outer = text.slice(behind, close).includes("\n") ? "" : `${end}${indentAt(text, node.start)}`;
  return merged(comma, { from: behind, to: behind, text: put + outer });
}

/** Two at one place are one, or their order would be anybody's. */
function merged(first: readonly Edit[], second: Edit): Edit[] {
  const [comma] = first;
  if (comma === undefined) return [second];
  return comma.from === second.from ? [{ ...second, text: comma.text + second.text }] : [comma, second];
}

/** The space at the beginning of the line that this stands on. */
function indentAt(text: string, at: number): string {
  const line = text.slice(text.lastIndexOf("\n", at - 1) + 1, at);
  return /^[ \t]*/.exec(line)?.[0] ?? "";
}

function pretty(
  value: unknown,
  { text, unit, indent }: { readonly text: string; readonly unit: string; readonly indent: string },
): string {
  // A list of words is read best on one line.
  if (Array.isArray(value) || !isTree(value)) return compact(value);
  const inner = indent + unit;
  const end = lineEnd(text);
  const fields = Object.entries(value).map(
    ([name, one]) => `${inner}${JSON.stringify(name)}: ${pretty(one, { text, unit, indent: inner })}`,
  );
  return fields.length === 0 ? "{}" : `{${end}${fields.join(`,${end}`)}${end}${indent}}`;
}

function compact(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(compact).join(", ")}]`;
  if (!isTree(value)) return JSON.stringify(value) ?? "null";
  const fields = Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${compact(one)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}

function remove(text: string, root: ObjectNode | undefined, path: readonly string[]): string {
  let node: JsonNode | undefined = root;
  for (const name of path.slice(0, -1))
    node = node?.kind === "object" ? memberNamed(node, name)?.node : undefined;
  if (node?.kind !== "object") return text;
  const name = path.at(-1) ?? "";
  const member = memberNamed(node, name);
  if (member === undefined) return text;
  const alone =
    text.slice(node.start + 1, member.start) + text.slice(member.comma ?? member.node.end, node.end - 1);
  if (alone.trim() === "") return applyEdits(text, [{ from: node.start + 1, to: node.end - 1, text: "" }]);
  const before = node.members[node.members.indexOf(member) - 1];
  const start = text.slice(0, member.start).trimEnd().length;
  const wholeLine = text.slice(start, member.start).includes("\n");
  const from = wholeLine ? start : member.start;
  if (member.comma !== undefined) {
    const to = wholeLine ? member.comma : skipSpace(text, member.comma);
    return applyEdits(text, [{ from, to, text: "" }]);
  }
  const own: Edit = { from, to: member.node.end, text: "" };
  if (before?.comma === undefined) return applyEdits(text, [own]);
  // The comma before it would stand before nothing.
  const comma = before.comma - 1;
  if (comma >= from) return applyEdits(text, [{ ...own, from: Math.min(comma, from) }]);
  return applyEdits(text, [own, { from: comma, to: comma + 1, text: "" }]);
}
