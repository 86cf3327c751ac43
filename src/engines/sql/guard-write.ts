import { LociError } from "../../errors.ts";
import { ownCollections } from "../../model/schema.ts";
import {
  asWritten,
  checkNames,
  countPlaces,
  guard,
  isName,
  readStatement,
  type ReadStatement,
} from "./guard.ts";
import { type GuardRules, postgresRules, sqliteRules, words } from "./guard-lists.ts";
import type { Token } from "./guard-tokens.ts";
import { views } from "./views.ts";

export type Verb = "insert" | "update" | "delete";

/** A table that a statement changes the rows of. */
export interface Target {
  /** In lower case. */
  readonly name: string;
  /** As it was written, with its quotes. */
  readonly written: string;
  readonly verbs: ReadonlySet<Verb>;
}

/** A statement that changes rows, or makes, alters or drops a table, an index or a view. */
export interface Change {
  readonly kind: "rows-changed" | "schema-changed" | "nothing";
  readonly text: string;
  readonly names: ReadonlySet<string>;
  readonly places: number;
  readonly targets: readonly Target[];
  /** The index that is dropped: whose it is, only the database knows. */
  readonly index?: string;
}

export interface WriteRules {
  readonly read: GuardRules;
  readonly write: GuardRules;
}

/** Where a word is not refused here, the shape of the statement says what it may be. */
const shaped = words("insert update delete into create alter drop replace set do");

const definitions = `
  add check column conflict constraint default foreign generated identity include key nulls primary references
  returning set unique update using do nothing index table into
`;

/** Types that are written with a length, and are no functions that do anything. */
const types = words(`
  bigint bit blob bpchar char character datetime decimal double f16_blob f1bit_blob f32_blob f64_blob f8_blob fb16_blob
  float halfvec int integer number numeric nvarchar precision real text time timestamp timestamptz varbit varchar
  varying vector
`);

function writing(rules: GuardRules, functions: string, lengthened: string): GuardRules {
  return {
    ...rules,
    firstWords: words("insert replace update delete with create alter drop"),
    refusedWords: new Set(
      [
        ...rules.refusedWords,
        ...words("trigger virtual temp temporary unlogged inherit inherits tablespace rule"),
      ].filter((word) => !shaped.has(word)),
    ),
    functions: new Set([...rules.functions, ...words(functions)]),
    beforeParenthesis: new Set([...rules.beforeParenthesis, ...words(`${definitions} ${lengthened}`)]),
    isNamed: (tokens, i) => isTable(tokens, i) || types.has(tokens[i]?.text ?? ""),
  };
}

export const sqliteWriting: WriteRules = {
  read: sqliteRules,
  write: writing(sqliteRules, "libsql_vector_idx", "abort fail ignore autoincrement"),
};

export const postgresWriting: WriteRules = {
  read: postgresRules,
  write: writing(postgresRules, "gen_random_uuid uuidv7", "btree hash gin gist brin storage"),
};

/** `INSERT INTO t (`, `CREATE TABLE t (`, `REFERENCES t (`, `CREATE INDEX i ON t (`: no function can stand there. */
function isTable(tokens: readonly Token[], i: number): boolean {
  const before = tokens[i - 1];
  if (before?.kind !== "word") return false;
  if (/^(into|table|view|references)$/.test(before.text)) return true;
  const first = tokens[0]?.text;
  if (before.text === "exists") return first === "create" && i === 5;
  return before.text === "on" && first === "create" && isIndex(tokens) && firstOf(tokens, "on") === i - 1;
}

function isIndex(tokens: readonly Token[]): boolean {
  return tokens[1]?.text === "index" || (tokens[1]?.text === "unique" && tokens[2]?.text === "index");
}

function firstOf(tokens: readonly Token[], word: string): number {
  return tokens.findIndex((token) => token.kind === "word" && token.text === word);
}

const own = new Map(ownCollections.map((collection) => [collection.name, collection]));

/** Names that are made for questions; the first two are another server's, for the tables it has. */
const asked: ReadonlySet<string> = new Set(views.map(({ name }) => name));

function isEngines(name: string): boolean {
  return /^(sqlite_|libsql_|pg_)|_shadow(_idx)?$|schema_version$/.test(name);
}

/** Whether the table, index or view is not a user's to change the shape of. */
export function isKept(name: string): boolean {
  return own.has(name) || asked.has(name) || isEngines(name);
}

/** What may be done with this table's rows; undefined where it is a user's own. */
export function allowedOf(name: string): ReadonlySet<Verb> | undefined {
  if (!isKept(name)) return undefined;
  return new Set(own.get(name)?.bySql?.may ?? []);
}

function refuse(why: string, next: string): LociError {
  return new LociError("read-only", why, { next });
}

const shapes =
  "INSERT, UPDATE, DELETE, and CREATE, ALTER and DROP of your own tables, indexes and views are done; docs/sql.md has the rest.";

/**
 * Lets one statement through that changes rows or a user's own tables, and refuses everything else with a sentence. A
 * statement that only reads is checked as everywhere.
 */
export function guardWrite(sql: string, rules: WriteRules): ReadStatement | Change {
  const { tokens, text, names } = readStatement(sql, rules.write);
  const first = tokens[0]?.kind === "word" ? tokens[0].text : "";
  const changes = tokens.some(
    ({ kind, text: word }) => kind === "word" && /^(insert|update|delete)$/.test(word),
  );
  if (!rules.write.firstWords.has(first) || (first === "with" && !changes)) {
    if (/^(select|values|explain|pragma|with)$/.test(first)) return guard(sql, rules.read);
    throw refuse(`${first.toUpperCase().slice(0, 40) || "This"} is not done here.`, shapes);
  }
  checkRefused(tokens, rules.write);
  checkNames(tokens, rules.write);
  const places = countPlaces(tokens);
  if (!/^(create|alter|drop)$/.test(first)) {
    const targets = targetsOf(tokens, text, tokens[0]?.start ?? 0);
    return { kind: "rows-changed", text, names, places, targets };
  }
  return { ...definition(tokens), text, names, places, targets: [] };
}

function checkRefused(tokens: readonly Token[], rules: GuardRules): void {
  for (const { kind, text, start } of tokens) {
    if (kind !== "word" || !rules.refusedWords.has(text)) continue;
    throw refuse(
      `${text.toUpperCase()} at character ${start + 1} is not done here. A name that is spelled so goes in double quotes.`,
      shapes,
    );
  }
}

/** The tables whose rows change, each with what happens to them. */
function targetsOf(tokens: readonly Token[], text: string, offset: number): Target[] {
  const found: Target[] = [];
  const replaces = tokens.some(
    (token, i) =>
      token.kind === "word" &&
      ((token.text === "replace" && (i === 0 || tokens[i - 1]?.text === "or")) ||
        (token.text === "update" && tokens[i - 1]?.text === "do")),
  );
  for (const [i, token] of tokens.entries()) {
    if (token.kind !== "word") continue;
    const verb = verbAt(tokens, i);
    if (verb === undefined) continue;
    const at = skipped(tokens, i + 1);
    const name = tokens[at];
    if (name === undefined || !(isName(name) || name.kind === "string") || tokens[at + 1]?.text === ".") {
      throw refuse(`The table behind ${token.text.toUpperCase()} is written as its name alone.`, shapes);
    }
    const verbs = new Set<Verb>(verb === "insert" && replaces ? ["insert", "update"] : [verb]);
    checkTarget(name.text.toLowerCase(), verbs);
    const written = text.slice(name.start - offset, name.end - offset);
    found.push({ name: name.text.toLowerCase(), written, verbs });
  }
  if (found.length === 0) throw refuse("No table stands in it whose rows would change.", shapes);
  return found;
}

function verbAt(tokens: readonly Token[], i: number): Verb | undefined {
  const { text } = tokens[i] ?? {};
  const before = tokens[i - 1]?.text ?? "";
  if (text === "into") {
    if (/^(insert|replace|ignore|abort|fail)$/.test(before)) return "insert";
    throw refuse("INTO stands behind INSERT only: a SELECT makes no table here.", shapes);
  }
  if (text === "update") return /^(do|for|key)$/.test(before) ? undefined : "update";
  if (text === "from" && before === "delete") return "delete";
  if (text === "delete" && tokens[i + 1]?.text !== "from")
    throw refuse("DELETE is written with FROM.", shapes);
  return undefined;
}

/** `UPDATE OR IGNORE t`, `UPDATE ONLY t`. */
function skipped(tokens: readonly Token[], at: number): number {
  if (tokens[at]?.text === "or") return at + 2;
  return tokens[at]?.kind === "word" && tokens[at]?.text === "only" ? at + 1 : at;
}

function checkTarget(name: string, verbs: ReadonlySet<Verb>): void {
  const allowed = allowedOf(name);
  const wrong = [...verbs].find((verb) => allowed !== undefined && !allowed.has(verb));
  if (wrong === undefined) return;
  const may =
    allowed !== undefined && allowed.size > 0 ? ` Only ${[...allowed].join(" and ")} is done there.` : "";
  throw refuse(
    `${name} is Loci's own: SQL does not ${wrong} ${wrong === "delete" ? "from" : wrong === "insert" ? "into" : ""} it.${may}`.replace(
      "  ",
      " ",
    ),
    "Use what writes it, such as add_conversation, add_knowledge or save_checkpoint, or a table of your own.",
  );
}

/** CREATE, ALTER, DROP: of a table, an index or a view that is the user's. */
function definition(tokens: readonly Token[]): Pick<Change, "kind" | "index"> {
  for (const [i, token] of tokens.entries()) {
    if (token.kind !== "word" || !/^(insert|update|delete|into)$/.test(token.text)) continue;
    if (token.text === "into" || tokens[i - 1]?.text !== "on")
      throw refuse(`${token.text.toUpperCase()} has no place in a definition.`, shapes);
  }
  const verb = tokens[0]?.text ?? "";
  const unique = verb === "create" && tokens[1]?.text === "unique" ? 1 : 0;
  const what = asWritten(tokens[1 + unique] ?? tokens[0] ?? { kind: "sign", text: "", start: 0, end: 0 });
  if (!/^(table|index|view)$/.test(what) || (verb === "alter" && what !== "table"))
    throw refuse(`${verb.toUpperCase()} ${what.toUpperCase()} is not done here.`, shapes);
  let at = 2 + unique;
  const exists = tokens
    .slice(at, at + 3)
    .findIndex((token) => token.kind === "word" && token.text === "exists");
  if (exists >= 0 && tokens[at]?.text === "if") at += exists + 1;
  // `CREATE INDEX ON t` has no name on PostgreSQL.
  const nameless = what === "index" && tokens[at]?.text === "on";
  const name = nameless ? undefined : tokens[at];
  if (
    !nameless &&
    (name === undefined || !(isName(name) || name.kind === "string") || tokens[at + 1]?.text === ".")
  )
    throw refuse(`The ${what} is written as its name alone.`, shapes);
  const named = name?.text.toLowerCase() ?? "";
  if (isKept(named)) {
    // The table is there already, and that is all that was asked for.
    if (verb === "create" && exists >= 0 && what === "table") return { kind: "nothing" };
    throw refuse(
      `${named} is Loci's own ${what}: it is not ${verb === "drop" ? "dropped" : `${verb}ed`.replace("ee", "e")} here.`,
      "Choose another name for a table of your own; setup_memory_tables says what is there.",
    );
  }
  if (verb === "drop" && tokens.some((token) => token.kind === "sign" && token.text === ","))
    throw refuse("One at a time is dropped.", shapes);
  for (const [i, token] of tokens.entries()) checkReference(tokens, { i, token, what });
  return { kind: "schema-changed", ...(verb === "drop" && what === "index" ? { index: named } : {}) };
}

/** An index on, or a foreign key to, one of Loci's tables would hold up Loci's own writes. */
function checkReference(
  tokens: readonly Token[],
  { i, token, what }: { readonly i: number; readonly token: Token; readonly what: string },
): void {
  if (token.kind !== "word") return;
  const points =
    token.text === "references" || (what === "index" && token.text === "on" && firstOf(tokens, "on") === i);
  if (!points) return;
  const table = tokens[skipped(tokens, i + 1)];
  if (tokens[skipped(tokens, i + 1) + 1]?.text === ".")
    throw refuse("The table is written as its name alone.", shapes);
  if (table === undefined || !isKept(table.text.toLowerCase())) return;
  throw refuse(
    `${token.text.toUpperCase()} ${table.text}: Loci's own tables get no index and no foreign key.`,
    "Keep the id in a column without a foreign key.",
  );
}
