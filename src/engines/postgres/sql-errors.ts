import type { Client } from "pg";
import { LociError } from "../../errors.ts";
import type { ReadStatement } from "../sql/guard.ts";
import type { Limits } from "../sql/guard-answer.ts";
import { type Catalog, missing } from "../sql/guard-help.ts";
import { views } from "../sql/views.ts";
import { translated } from "./errors.ts";

export interface Failed {
  readonly place: string;
  readonly statement: Pick<ReadStatement, "names"> | undefined;
  readonly limits: Limits;
  /** Why this side ended the connection, where it did. */
  readonly stopped: LociError | undefined;
  readonly client: Client | undefined;
}

const gone: Readonly<Record<string, "table" | "column" | "function">> = {
  "42P01": "table",
  "42703": "column",
  "42883": "function",
};

export function tooSlow(deadline: number): LociError {
  return new LociError("interrupted", `The query was stopped: it had no answer after ${deadline} ms.`, {
    next: "Narrow it with WHERE, or ask for fewer rows with LIMIT",
  });
}

/** What PostgreSQL says, as a sentence that helps. */
export async function explained(error: unknown, failed: Failed): Promise<unknown> {
  const { place, statement, limits, stopped, client } = failed;
  if (stopped) return stopped;
  if (!(error instanceof Error) || error instanceof LociError) return error;
  const state = "code" in error && typeof error.code === "string" ? error.code : "";
  const kind = gone[state];
  if (kind && statement && client) {
    // `column s.titel does not exist`, `relation "session" does not exist`, `function f(integer) does not exist`
    const name =
      /(?:column|function|relation) (.+?) (?:does not exist|of )/.exec(error.message)?.[1] ?? error.message;
    const catalog = kind === "function" ? new Map<string, string[]>() : await catalogOf(client);
    return missing({ kind, name: name.replaceAll('"', ""), cause: error }, catalog, statement.names);
  }
  switch (state.slice(0, 2)) {
    case "57":
      if (state !== "57014") break;
      return tooSlow(limits.deadline);
    case "25":
    case "0A":
      return new LociError("read-only", `This door only reads: ${error.message}.`, {
        where: place,
        cause: error,
      });
    case "53":
    case "54":
      return new LociError("too-large", `The query needs too much: ${error.message}.`, {
        where: place,
        cause: error,
      });
    case "21":
    case "22":
    case "34":
    case "42":
      if (state === "42501") break;
      return new LociError("invalid", `SQL: ${error.message}.`, { where: place, cause: error });
  }
  return translated(place, error);
}

/** The tables of the schemas that a bare name is looked up in. */
async function catalogOf(client: Client): Promise<Catalog> {
  await client.query("rollback");
  const { rows } = await client.query<{ name: string; columns: string[] }>(
    `select c.relname as name, array_agg(a.attname order by a.attnum) as columns
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relkind in ('r', 'v', 'p', 'm') and c.relnamespace::regnamespace::text = any(current_schemas(false))
     group by c.relname order by c.relname limit 200`,
  );
  // Views made for a question are gone with it.
  const ours = views.map(({ name, columns }) => [name, columns.map(([column]) => column)] as const);
  return new Map([...rows.map(({ name, columns }) => [name, columnsOf(columns)] as const), ...ours]);
}

/** The driver parses nothing here: a list is the text `{a,b}`. */
function columnsOf(list: unknown): string[] {
  return String(list)
    .replace(/^\{|\}$/g, "")
    .split(",");
}
