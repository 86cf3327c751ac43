import { createHash } from "node:crypto";
import type { AnyCollection, FieldKind } from "../../model/collection.ts";
import type { RowHappening, RowKind } from "../../model/happening.ts";
import { stableId } from "../../model/id.ts";
import { messages } from "../../model/message.ts";
import { modelCalls } from "../../model/model-call.ts";
import { sessions } from "../../model/session.ts";
import { toolExecutions } from "../../model/tool-execution.ts";
import { type JsonObject, momentOf, objectOf, textOf } from "./claude-code/line.ts";
import { type KeptKind, type KeptLine, keptCollections, keptKinds, keptLine, keptRequired } from "./kept.ts";

/** The collections of the interchange format (docs/SPEC.md), in the order in which a session is written. */
export const interchange: Readonly<Record<RowKind, AnyCollection>> = {
  session: sessions,
  message: messages,
  toolExecution: toolExecutions,
  modelCall: modelCalls,
};

type LineKind = RowKind | KeptKind;

const collections: Readonly<Record<LineKind, AnyCollection>> = { ...interchange, ...keptCollections };

const required: Readonly<Record<LineKind, readonly string[]>> = {
  ...keptRequired,
  session: ["id"],
  message: ["sessionId", "role"],
  toolExecution: ["sessionId", "toolName"],
  modelCall: ["sessionId", "model"],
};

const statuses: Readonly<Partial<Record<LineKind, readonly unknown[]>>> = {
  session: ["running", "completed", "error", "interrupted"],
  toolExecution: ["running", "completed", "error"],
};

/** What is wrong with a line, as a sentence. */
export interface BadLine {
  readonly problem: string;
}

export interface LociReader {
  /** One line of the interchange format. Ids given are kept; a line without one gets the same id each time. */
  read(text: string): RowHappening | KeptLine | BadLine;
}

export function createLociReader(now: number): LociReader {
  const times = new Map<string, number>();
  return {
    read(text) {
      const line = parse(text);
      if (line === undefined) return { problem: "This is not a JSON object." };
      const kind = kindOf(line["kind"]);
      if (kind === undefined) {
        return { problem: `kind is ${Object.keys(collections).join(", ")}, not ${said(line["kind"])}.` };
      }
      const problem = problemOf(line, kind);
      if (problem !== undefined) return { problem };
      const makeId = (): string => idOf(text, line, times);
      if (!isKept(kind)) return asHappening(line, kind, makeId);
      return keptLine(kind, line, { id: textOf(line["id"]) ?? makeId(), at: now });
    },
  };
}

function parse(text: string): JsonObject | undefined {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function kindOf(given: unknown): LineKind | undefined {
  for (const kind of ["session", "message", "toolExecution", "modelCall", ...keptKinds] as const) {
    if (given === kind) return kind;
  }
  return undefined;
}

function isKept(kind: LineKind): kind is KeptKind {
  return kind in keptCollections;
}

function problemOf(line: JsonObject, kind: LineKind): string | undefined {
  for (const name of required[kind]) {
    if (typeof line[name] !== "string" || line[name] === "") return `A ${kind} needs its ${name}.`;
  }
  for (const [name, field] of Object.entries(collections[kind].fields)) {
    const value = line[name];
    if (value === undefined || (kind === "toolExecution" && name === "output")) continue;
    if (value === null ? !field.optional : !fits(value, field.kind)) {
      return `${name} is ${nouns[field.kind]}${field.optional ? " or null" : ""}, not ${said(value)}.`;
    }
  }
  const allowed = statuses[kind];
  if (allowed !== undefined && line["status"] !== undefined && !allowed.includes(line["status"])) {
    return `status is ${allowed.join(", ")}, not ${said(line["status"])}.`;
  }
  return undefined;
}

const nouns: Readonly<Record<FieldKind, string>> = {
  id: "a text that is not empty",
  text: "a text",
  integer: "a whole number",
  real: "a number",
  boolean: "true or false",
  time: "a moment (milliseconds since 1970, or ISO 8601)",
  json: "a value",
  payload: "a value",
  bytes: "bytes",
};

function fits(value: unknown, kind: FieldKind): boolean {
  switch (kind) {
    case "id":
      return typeof value === "string" && value !== "";
    case "text":
      return typeof value === "string";
    case "integer":
      return Number.isSafeInteger(value);
    case "real":
      return Number.isFinite(value);
    case "boolean":
      return typeof value === "boolean";
    case "time":
      return isMoment(value);
    case "json":
    case "payload":
      return true;
    case "bytes":
      return false;
  }
}

/** The years 1 to 9999, which every backend can hold. */
function isMoment(value: unknown): boolean {
  const at = typeof value === "string" ? Date.parse(value) : value;
  return typeof at === "number" && at >= -62_135_596_800_000 && at <= 253_402_300_799_999;
}

function said(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/** Only the fields we know, so that a line of a newer version is still taken. */
function asHappening(line: JsonObject, kind: RowKind, makeId: () => string): RowHappening {
  const fields: Record<string, unknown> = { kind };
  for (const name of Object.keys(interchange[kind].fields)) {
    if (line[name] !== undefined) fields[name] = line[name];
  }
  fields["id"] ??= makeId();
  // Every field was looked at above; the compiler cannot follow the table.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return fields as unknown as RowHappening;
}

/** Made from the line and from how many like it came before, so that importing a file twice changes nothing. */
function idOf(text: string, line: JsonObject, times: Map<string, number>): string {
  const hash = createHash("sha256").update(text.trim()).digest("hex").slice(0, 32);
  const before = times.get(hash) ?? 0;
  times.set(hash, before + 1);
  const at = momentOf(line["createdAt"] ?? line["startedAt"]) ?? 0;
  return stableId(at, "loci", hash, String(before));
}
