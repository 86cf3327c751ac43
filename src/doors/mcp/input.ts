import { LociError } from "../../errors.ts";
import { nearest } from "../../operations/nearest.ts";
import type { Input, Millis, Param } from "../../operations/operation.ts";
import { type Given, readInput } from "../../operations/values.ts";
import { clipped } from "./recalled.ts";
import type { Tool } from "./tool.ts";

/** The arguments of a call, checked, with defaults. Errors: `invalid`, with what was expected and what came. */
export function readArguments(tool: Tool, given: unknown, now: Millis): Input {
  if (given !== undefined && (typeof given !== "object" || given === null || Array.isArray(given))) {
    throw new LociError("invalid", "The arguments are an object, by name.", { next: exampleOf(tool) });
  }
  const texts: Record<string, Given[string]> = {};
  for (const [asked, value] of Object.entries(given ?? {})) {
    if (tool.takesAnything && !Object.hasOwn(tool.params, asked)) continue;
    const name = nameOf(tool, asked);
    if (value === null || value === undefined) continue;
    if (texts[name] !== undefined) {
      throw new LociError("invalid", `${name} was given twice, as ${asked} too.`, { next: exampleOf(tool) });
    }
    texts[name] = asText(name, tool.params[name], value);
  }
  return readInput(tool.params, texts, { now, nameOf: (name) => name, help: exampleOf(tool) });
}

function nameOf({ name, params, aliases = {} }: Tool, asked: string): string {
  if (Object.hasOwn(params, asked)) return asked;
  const alias = Object.hasOwn(aliases, asked) ? aliases[asked] : undefined;
  if (alias !== undefined) return alias;
  const meant = nearest(asked, Object.keys(params));
  throw new LociError(
    "invalid",
    `${name} has no argument ${JSON.stringify(clipped(asked, 60))}.${meant ? ` Did you mean ${meant}?` : ""}`,
    { next: `It takes ${Object.keys(params).join(", ") || "none"}.` },
  );
}

const expectations: Readonly<Record<string, string>> = {
  integer: "a number",
  number: "a number",
  list: "a list of texts",
  boolean: "true or false",
};

/** The readers take text, as it comes from a command line; a number in a text is as good as a number. */
function asText(name: string, param: Param | undefined, value: unknown): string | readonly string[] {
  if (param?.kind === "json") return jsonText(param.of, value);
  if (typeof value === "string" && (param?.kind !== "boolean" || value === "true" || value === "false"))
    return value;
  if (typeof value === "boolean" && param?.kind === "boolean") return String(value);
  if (typeof value === "number" && (param?.kind === "integer" || param?.kind === "number"))
    return String(value);
  if (param?.kind === "list" && Array.isArray(value) && value.every((one) => typeof one === "string"))
    return value;
  const expected = expectations[param?.kind ?? "string"] ?? "a text";
  throw new LociError(
    "invalid",
    `${name} is ${expected}, not ${Array.isArray(value) ? "a list" : article(typeof value)}.`,
    {
      next: `Give ${name} as ${expected}.`,
    },
  );
}

/** An object that came as its JSON text is that object: models write both. Any other text is a text. */
function jsonText(of: "object" | "list" | "value", value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return of !== "value" || (/^\s*[[{]/.test(value) && isJson(value)) ? value : JSON.stringify(value);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function article(kind: string): string {
  return kind === "object" ? "an object" : `a ${kind}`;
}

function exampleOf({ name, params }: Tool): string {
  const required = Object.entries(params).filter(([, param]) => param.required);
  const args = Object.fromEntries(required.map(([key, { summary }]) => [key, `<${summary || key}>`]));
  return `Call ${name} with ${JSON.stringify(args)}.`;
}
