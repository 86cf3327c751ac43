import { LociError } from "../errors.ts";
import type { Millis } from "../model/collection.ts";
import { nearest } from "./nearest.ts";
import type { Input, Param, Params } from "./operation.ts";

/** What a door was given for a parameter: text, several texts, or true for a flag without a value. */
export type Given = Readonly<Record<string, string | readonly string[] | true | undefined>>;

export interface ReadOptions {
  readonly now: Millis;
  /** How the door calls a parameter, for the sentences: `--limit`, `ID`. */
  readonly nameOf: (name: string, param: Param) => string;
  /** The command that explains the parameters. */
  readonly help: string;
}

/** Texts to checked values, with defaults. Throws `invalid` with what was expected and what came. */
export function readInput(params: Params, given: Given, options: ReadOptions): Input {
  const input: Record<string, unknown> = {};
  for (const [name, param] of Object.entries(params)) {
    const value = given[name];
    if (value === undefined) {
      if (param.required) {
        const what = param.summary === "" ? "" : `: ${param.summary}`;
        throw new LociError("invalid", `${options.nameOf(name, param)} is missing${what}.`, {
          next: options.help,
        });
      }
      input[name] = absent(param);
      continue;
    }
    input[name] = readValue(param, value, { ...options, called: options.nameOf(name, param) });
  }
  return input;
}

function absent(param: Param): unknown {
  if (param.kind === "boolean") return false;
  if (param.kind === "list") return [];
  return "default" in param ? param.default : undefined;
}

interface ReadOne {
  readonly now: Millis;
  readonly called: string;
  readonly help: string;
}

function readValue(param: Param, value: string | readonly string[] | true, options: ReadOne): unknown {
  if (param.kind === "list") return typeof value === "string" ? [value] : value === true ? [] : value;
  if (param.kind === "boolean") return readBoolean(value, options);
  const text = typeof value === "string" ? value : value === true ? "" : (value.at(-1) ?? "");
  switch (param.kind) {
    case "string":
      if (text === "") throw wrong(options, "a text", text);
      return text;
    case "integer":
    case "number":
      return readNumber(param, text, options);
    case "time":
      return readTime(text, options);
    case "json":
      return readJson(param.of, text, options);
    case "enum": {
      if (param.choices.includes(text)) return text;
      const meant = nearest(text, param.choices);
      throw new LociError(
        "invalid",
        `${options.called} is ${anyOf(param.choices)}, not ${quoted(text)}.${meant ? ` Did you mean ${meant}?` : ""}`,
        { next: options.help },
      );
    }
  }
}

/** What is deeper has no meaning, and a walk over it would not end well. */
const deepest = 100;

function readJson(of: "object" | "list" | "value", text: string, options: ReadOne): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong(options, `a JSON ${of}`, text);
  }
  const isList = Array.isArray(value);
  if (of !== "value" && (typeof value !== "object" || value === null || isList !== (of === "list"))) {
    throw wrong(options, `a JSON ${of}`, text);
  }
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) throw wrong(options, `JSON at most ${deepest} levels deep`, text);
    level = level.flatMap((one) => (typeof one === "object" && one !== null ? Object.values(one) : []));
  }
  return value;
}

function readBoolean(value: string | readonly string[] | true, options: ReadOne): boolean {
  if (value === true || value === "true") return true;
  if (value === "false") return false;
  throw wrong(options, "a switch and takes no value", typeof value === "string" ? value : value.join(" "));
}

function readNumber(
  param: Extract<Param, { kind: "integer" | "number" }>,
  text: string,
  options: ReadOne,
): number {
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  const whole = param.kind === "number" || Number.isSafeInteger(value);
  const { min = param.kind === "integer" ? 1 : 0, max } = param;
  if (!Number.isFinite(value) || !whole || value < min || (max !== undefined && value > max)) {
    const kind = param.kind === "integer" ? "a whole number" : "a number";
    throw wrong(options, max === undefined ? `${kind} from ${min}` : `${kind} from ${min} to ${max}`, text);
  }
  return value;
}

const units: Readonly<Record<string, Millis>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** `2026-08-23`, `2026-08-23T10:00:00Z`, `7d`, `today`. A moment without a zone is in the reader's own. */
function readTime(text: string, options: ReadOne): Millis {
  const today = new Date(options.now);
  today.setHours(0, 0, 0, 0);
  if (text === "now") return options.now;
  if (text === "today") return today.getTime();
  if (text === "yesterday") return today.setDate(today.getDate() - 1);
  const ago = /^(\d{1,6})([smhdw])$/.exec(text);
  if (ago) return options.now - Number(ago[1]) * (units[ago[2] ?? ""] ?? 0);
  if (/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text)) {
    // A date alone is UTC to Date.parse; with a time it is local.
    const at = Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(" ", "T"));
    const day = Date.parse(text.slice(0, 10));
    // Date.parse takes 2026-02-31 for the 3rd of March: a day that does not exist is refused instead.
    const real = !Number.isNaN(day) && new Date(day).toISOString().startsWith(text.slice(0, 10));
    if (!Number.isNaN(at) && real) return at;
  }
  throw wrong(options, "a moment such as 2026-08-23, 2026-08-23T10:00:00Z, 7d, 12h or yesterday", text);
}

function wrong(options: ReadOne, expected: string, came: string): LociError {
  return new LociError("invalid", `${options.called} is ${expected}, not ${quoted(came)}.`, {
    next: options.help,
  });
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

function anyOf(choices: readonly string[]): string {
  return choices.length < 2 ? choices.join("") : `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`;
}
