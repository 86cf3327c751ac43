import { suspicious } from "./redact-filter.ts";
import { type RedactionRule, secretName, standardRules } from "./redact-rules.ts";

export type { RedactionRule } from "./redact-rules.ts";

export interface RedactOptions {
  /** Rules beside the standard ones; they are tried first. */
  readonly rules?: readonly RedactionRule[];
  /** Texts that are secrets as they stand, at least 8 characters long: the values of the user's `.env` files. */
  readonly literals?: readonly string[];
  /** Nothing is replaced. */
  readonly off?: boolean;
}

export interface Redactor {
  /** The text with each secret replaced by `[redacted:<rule>]`. */
  text(text: string): string;
  /** The same of one line of JSON: what was valid JSON stays valid JSON. */
  line(line: string): string;
  /** The same of every string in a value; under a name like `password` whatever stands there. Changes nothing in place. */
  value<Value>(value: Value): Value;
  /** How many were replaced, by rule. */
  readonly counts: Readonly<Record<string, number>>;
}

/**
 * A redactor with counts of its own. Clean text costs one pass of a cheap filter (measured on real transcripts, Node
 * 20, 2 shared cores: 70 to 120 MB/s); the rules run only on texts that the filter stops at.
 */
export function createRedactor({ rules = [], literals = [], off = false }: RedactOptions = {}): Redactor {
  const counts: Record<string, number> = {};
  const same = <Value>(value: Value): Value => value;
  if (off) return { text: same, line: same, value: same, counts };

  const count = (name: string): string => {
    counts[name] = (counts[name] ?? 0) + 1;
    return `[redacted:${name}]`;
  };
  const literal = literalPattern(literals);
  const own = rules.map((rule) => ({ ...rule, pattern: globalPattern(rule.pattern) }));

  function text(given: string): string {
    let out = given;
    if (literal?.one.test(out) === true) out = out.replace(literal.all, () => count("env"));
    for (const rule of own) out = apply(rule, out, count);
    if (!suspicious(out)) return out;
    for (const rule of standardRules) out = apply(rule, out, count);
    return out;
  }

  function value<Value>(given: Value): Value {
    // The same shape, with other strings in it: the walk is over values of any type.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return walk(given, { text, count, name: "", depth: 0 }) as Value;
  }

  function line(given: string): string {
    const out = text(given);
    if (out === given || !isJson(given) || isJson(out)) return out;
    // A rule of the user's cut through the syntax: go through the value instead.
    return JSON.stringify(value(JSON.parse(given)));
  }

  return { text, line, value, counts };
}

function apply(rule: RedactionRule, text: string, count: (name: string) => string): string {
  if (rule.hints !== undefined && !rule.hints.some((hint) => text.includes(hint))) return text;
  return text.replace(rule.pattern, (...args) => {
    const whole = String(args[0]);
    const kept = keptPart(args.at(-1));
    return rule.accept?.(whole.slice(kept.length), kept) === false ? whole : kept + count(rule.name);
  });
}

interface Walk {
  readonly text: (text: string) => string;
  readonly count: (name: string) => string;
  /** The name that the value stands under. */
  readonly name: string;
  readonly depth: number;
}

function walk(given: unknown, how: Walk): unknown {
  const secret = secretName.test(how.name);
  if (typeof given === "string") {
    return given !== "" && secret && !given.startsWith("[redacted:")
      ? how.count("secret-field")
      : how.text(given);
  }
  if (typeof given === "number" && secret) return how.count("secret-field");
  if (typeof given !== "object" || given === null || ArrayBuffer.isView(given) || given instanceof Date)
    return given;
  // Deeper than any real recording, and deep enough to overflow the stack of whoever walks it next.
  if (how.depth > 200) return how.count("too-deep");
  const deeper = { ...how, depth: how.depth + 1 };
  if (Array.isArray(given)) {
    const items = given.map((item: unknown) => walk(item, deeper));
    return items.some((item, index) => item !== given[index]) ? items : given;
  }
  const entries = Object.entries(given).map(
    ([name, item]) => [name, walk(item, { ...deeper, name })] as const,
  );
  const changed = entries.some(([name, item]) => item !== Reflect.get(given, name));
  return changed ? Object.fromEntries(entries) : given;
}

/**
 * The values of a `.env` file that are worth hiding: 8 characters or more, no number, no plain word, path or URL
 * without credentials. For {@link RedactOptions.literals}.
 */
export function envLiterals(file: string): string[] {
  const found = new Set<string>();
  for (const row of file.split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?[A-Za-z_][A-Za-z0-9_.]*\s*=\s*(.*)$/.exec(row);
    const raw = match?.[1]?.trim() ?? "";
    const quoted = /^(["'`])(.*)\1/.exec(raw);
    const value = quoted?.[2] ?? raw.replace(/\s+#.*$/, "");
    if (value.length < 8 || /^[\d.,:\s-]+$/.test(value) || /^[a-z]+(?:[-_ ][a-z]+)*$/i.test(value)) continue;
    if (/^(?:https?|file):\/\/[^\s@]*$/.test(value) || /^[~.]{0,2}\//.test(value)) continue;
    found.add(value);
  }
  return [...found];
}

function keptPart(groups: unknown): string {
  if (typeof groups !== "object" || groups === null || !("keep" in groups)) return "";
  return typeof groups.keep === "string" ? groups.keep : "";
}

function globalPattern(pattern: RegExp): RegExp {
  return pattern.flags.includes("g") ? pattern : new RegExp(pattern.source, `${pattern.flags}g`);
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

interface LiteralPattern {
  readonly one: RegExp;
  readonly all: RegExp;
}

/** The literals as they stand, as JSON strings hold them, and percent-encoded; longer ones first. */
function literalPattern(literals: readonly string[]): LiteralPattern | undefined {
  const forms = new Set<string>();
  for (const literal of literals) {
    if (literal.length < 8) continue;
    const once = JSON.stringify(literal).slice(1, -1);
    forms.add(literal).add(once).add(JSON.stringify(once).slice(1, -1));
    // A lone surrogate has no percent-encoding.
    if (!/\p{Surrogate}/u.test(literal)) forms.add(encodeURIComponent(literal));
  }
  if (forms.size === 0) return undefined;
  const source = [...forms]
    .sort((a, b) => b.length - a.length)
    .map((form) => form.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&"))
    .join("|");
  return { one: new RegExp(source), all: new RegExp(source, "g") };
}
