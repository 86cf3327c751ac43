import { LociError } from "../../../errors.ts";
import type { Page, SessionItem } from "../../../operations/answers.ts";
import { type Completed, completeIds } from "../../../operations/complete.ts";
import { listSessions } from "../../../operations/sessions.ts";
import { type ColumnItem, describeTable, listTables, type TableItem } from "../../../operations/tables.ts";
import { age, clipped, notice } from "../recalled.ts";
import type { ToolAnswer } from "../tool.ts";
import { fenced, type Sources } from "./sources.ts";

/** The longest resource: a person puts one into the conversation, and pays for it. */
const mostTokens = 8_000;

export interface Template {
  readonly uriTemplate: string;
  readonly name: string;
  readonly title: string;
  readonly description: string;
}

export const templates: readonly Template[] = [
  {
    uriTemplate: "loci://session/{id}",
    name: "session",
    title: "A session",
    description: "What it was, and its messages from the beginning",
  },
  {
    uriTemplate: "loci://session/{id}/messages{?from,to}",
    name: "messages",
    title: "Messages of a session",
    description: "From one to another, by their numbers",
  },
  {
    uriTemplate: "loci://knowledge/{id}",
    name: "knowledge",
    title: "An entry of knowledge",
    description: "What was found out, by whom and when",
  },
  {
    uriTemplate: "loci://checkpoint/{id}",
    name: "checkpoint",
    title: "A checkpoint",
    description: "The state of a run, as it was saved",
  },
];

export interface Listed {
  readonly uri: string;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly mimeType: string;
}

export const schemaResource: Listed = {
  uri: "loci://schema",
  name: "schema",
  title: "Tables and views",
  description: "What SQL can name, with its columns",
  mimeType: "text/plain",
};

/** The newest sessions, which are what one wants to point at; everything else by its template. */
export async function listedSessions(
  { operation, project, now }: Sources,
  after: string | undefined,
): Promise<{ readonly resources: Listed[]; readonly nextCursor?: string }> {
  const asked = { limit: 20, all: false, top: true, project: project === "*" ? undefined : project, after };
  const { items, next } = await operation<Page<SessionItem>>(listSessions, asked);
  const resources = items.map(({ id, title, agentType, messageCount, updatedAt }) => ({
    uri: `loci://session/${encodeURIComponent(id)}`,
    name: clipped(id, 200),
    title: clipped(title ?? id, 80),
    description: `${clipped(agentType, 40)}, ${messageCount} messages, ${age(updatedAt, now)}`,
    mimeType: "text/plain",
  }));
  return { resources, ...(next === null ? {} : { nextCursor: next }) };
}

export async function readResource(sources: Sources, uri: string): Promise<string> {
  if (uri === schemaResource.uri) return fenced("schema", await schemaText(sources));
  const [, kind = "", name = "", rest = "", query = ""] =
    /^loci:\/\/(session|knowledge|checkpoint)\/([^/?#]+)(\/messages)?(?:\?([^#]*))?$/.exec(uri) ?? [];
  const id = decoded(name);
  if (kind === "" || id === "" || (rest !== "" && kind !== "session") || (query !== "" && rest === "")) {
    throw new LociError("not-found", "There is no resource of that name.", {
      next: `Resources are ${[schemaResource.uri, ...templates.map(({ uriTemplate }) => uriTemplate)].join(", ")}.`,
    });
  }
  if (kind === "session") return sessionText(sources, id, rest === "" ? undefined : spanOf(query));
  const answer =
    kind === "knowledge"
      ? await sources.tool("search_knowledge", { cursor: `${id}.0` }, mostTokens)
      : await sources.tool("load_checkpoint", { id }, mostTokens);
  return fenced(`${kind} ${clipped(id, 200).replace(/["<>]/g, "")}`, answer.text);
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return "";
  }
}

interface Span {
  /** A message's number, or `41.120`: behind so many of its characters. */
  readonly from: string;
  readonly to: number | undefined;
}

function spanOf(query: string): Span {
  const given = new URLSearchParams(query);
  const from = given.get("from") || "1";
  const to = given.get("to") || undefined;
  const unknown = [...given.keys()].find((name) => name !== "from" && name !== "to");
  const sequence = Number.parseInt(from, 10);
  if (
    unknown === undefined &&
    /^[1-9]\d{0,14}(\.\d{1,15})?$/.test(from) &&
    (to === undefined || (/^\d{1,15}$/.test(to) && Number(to) >= sequence))
  )
    return { from, to: to === undefined ? undefined : Number(to) };
  throw new LociError(
    "invalid",
    "from and to are numbers of messages, from the first on, and to is not before from.",
    {
      next: "loci://session/ID/messages?from=41&to=60",
    },
  );
}

async function sessionText({ tool }: Sources, id: string, span: Span | undefined): Promise<string> {
  const { from = "1", to } = span ?? {};
  const first = Number.parseInt(from, 10);
  const most = 50;
  const limit = to === undefined ? most : Math.min(most, to - first + 1);
  const cursor = from.includes(".") ? from : `${from}.0`;
  const answer = await tool("get_session", { id, limit, cursor }, mostTokens);
  return fenced(`session ${clipped(id, 200).replace(/["<>]/g, "")}`, withNext(answer, id, to));
}

/** The last line names the next resource, where the tool's answer names the next call. */
function withNext({ text, data }: ToolAnswer, id: string, to: number | undefined): string {
  const lines = text.split("\n");
  if (!lines.at(-1)?.startsWith("More: ")) return text;
  const cursor = cursorOf(data["next"]);
  const kept = lines.slice(0, -1).join("\n");
  if (cursor === undefined || (to !== undefined && Number.parseInt(cursor, 10) > to)) return kept;
  const from = cursor.replace(/\.0$/, "");
  const place = `loci://session/${encodeURIComponent(id)}/messages?from=${from}`;
  return `${kept}\nMore: ${place}${to === undefined ? "" : `&to=${to}`}`;
}

function cursorOf(next: unknown): string | undefined {
  const args: unknown =
    typeof next === "object" && next !== null && "arguments" in next ? next.arguments : undefined;
  const cursor: unknown =
    typeof args === "object" && args !== null && "cursor" in args ? args.cursor : undefined;
  return typeof cursor === "string" ? cursor : undefined;
}

async function schemaText({ operation }: Sources): Promise<string> {
  const { tables } = await operation<{ readonly tables: readonly TableItem[] }>(listTables, {});
  // Views are made for questions: they come first, and stay where not everything has room.
  const ordered = [...tables].sort(
    (one, other) => Number(other.kind === "view") - Number(one.kind === "view"),
  );
  const lines: string[] = [];
  let left = mostTokens * 4 - 500;
  for (const { name, kind } of ordered) {
    const { columns } = await operation<{ readonly columns: readonly ColumnItem[] }>(describeTable, {
      table: name,
    });
    const shown = columns.map(
      (column) => `${clipped(column.name, 60)}${column.type === "" ? "" : ` ${column.type}`}`,
    );
    const line = `> ${kind} ${clipped(name, 100)}(${shown.join(", ")})`;
    left -= line.length + 1;
    if (left < 0) break;
    lines.push(line);
  }
  const missing = ordered.length - lines.length;
  return [notice, ...lines, ...(missing > 0 ? [`${missing} more: list_tables names them.`] : [])].join("\n");
}

/** Ids for what a person began to type. */
export async function completed(
  { operation }: Sources,
  of: "session" | "knowledge" | "checkpoint",
  beginning: string,
): Promise<{ readonly values: string[]; readonly hasMore: boolean }> {
  const asked = { of, beginning: beginning.slice(0, 200), limit: 20 };
  const { ids, more } = await operation<Completed>(completeIds, asked);
  return { values: [...ids], hasMore: more };
}
