// Writes the parts of the docs that are made from the code: the stored schema, the views of read-only SQL, what it
// answers, and the error codes. `npm run build && node scripts/spec.mjs`; test/docs/spec.test.ts fails when somebody
// forgot to.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../", import.meta.url);
const read = (path) => readFileSync(new URL(path, root), "utf8");
const built = (path) => import(new URL(`dist/${path}`, root).href);

/** `/** what it is *\/ readonly name: …` of every interface of the model, by interface and name. */
function comments() {
  const found = new Map();
  for (const file of readdirSync(new URL("src/model/", root))) {
    const text = read(`src/model/${file}`);
    for (const [, about, name, body] of text.matchAll(
      /(?:\/\*\*([^/]*?)\*\/\n)?export interface (\w+)[^{]*\{\n([^}]*)\}/g,
    )) {
      found.set(name, prose(about));
      for (const [, comment, field] of body.matchAll(
        /(?:\/\*\*((?:(?!\*\/)[^])*)\*\/\s*)?readonly (\w+)\??:/g,
      )) {
        found.set(`${name}.${field}`, prose(comment));
      }
    }
    for (const [, collection, row] of text.matchAll(/export const (\w+): Collection<(\w+)>/g))
      found.set(`of ${collection}`, row);
  }
  return found;
}

function prose(comment = "") {
  return comment
    .replace(/^\s*\* ?/gm, "")
    .replace(/\{@link (\w+)\}/g, "`$1`")
    .replace(/\s+/g, " ")
    .replaceAll("|", "\\|")
    .trim();
}

async function collections() {
  const all = new Map();
  for (const file of readdirSync(new URL("dist/model/", root)).filter((name) => name.endsWith(".js"))) {
    for (const [name, value] of Object.entries(await built(`model/${file}`))) {
      if (value?.fields && value.key) all.set(value, name);
    }
  }
  return all;
}

async function schema() {
  const { columnName } = await built("model/collection.js");
  const { storeSchema, searchSchema, syncSchema, collectionsOf } = await built("model/schema.js");
  const { createSqliteDialect } = await built("engines/sql/sqlite.js");
  const { postgresDialect } = await built("engines/postgres/dialect.js");
  const sqlite = createSqliteDialect("libsql").types;
  const postgres = postgresDialect.types;
  const said = comments();
  const names = await collections();
  const parts = [];
  for (const [title, all] of [
    ["The store", storeSchema],
    ["The search index", searchSchema],
    ["Sync", syncSchema],
  ]) {
    const { version } = all.migrations.at(-1);
    parts.push(`### ${title}: schema version ${version}\n`);
    for (const collection of collectionsOf(all)) {
      const row = said.get(`of ${names.get(collection)}`);
      const lines = Object.entries(collection.fields).map(([field, { kind, optional }]) => {
        const key = field === collection.key ? " (key)" : "";
        const about = said.get(`${row}.${field}`) ?? "";
        return `| \`${columnName(field)}\` | \`${field}\` | ${kind}${optional ? ", may be null" : ""}${key} | ${about} |`;
      });
      const unique = collection.unique.map((set) => `unique (${set.map(columnName).join(", ")})`);
      const indexes = collection.indexes.map((set) => `(${set.map(columnName).join(", ")})`);
      parts.push(
        `#### ${collection.name}\n\n${said.get(row) ?? ""}\n`,
        `| column | in TypeScript and JSON | kind | |\n|---|---|---|---|\n${lines.join("\n")}\n`,
        [...unique, ...(indexes.length > 0 ? [`indexes: ${indexes.join(", ")}`] : [])]
          .map((line) => `${line}  \n`)
          .join(""),
      );
    }
  }
  const kinds = Object.keys(sqlite).map(
    (kind) => `| ${kind} | \`${sqlite[kind]}\` | \`${postgres[kind]}\` |`,
  );
  return `| kind | libSQL file | PostgreSQL |\n|---|---|---|\n${kinds.join("\n")}\n\n${parts.join("\n")}`;
}

async function views() {
  const list = (await built("engines/sql/views.js")).views;
  return list
    .map(({ name, about, columns }) => {
      const lines = columns.map(([column, , meaning]) => `| \`${column}\` | ${meaning} |`);
      return `### ${name}\n\n${about}\n\n| column | |\n|---|---|\n${lines.join("\n")}\n`;
    })
    .join("\n");
}

async function answered() {
  const { sqliteRules, postgresRules } = await built("engines/sql/guard-lists.js");
  const list = (set) =>
    [...set]
      .filter((name) => !name.startsWith("pragma_"))
      .toSorted((a, b) => a.localeCompare(b))
      .map((name) => `\`${name}\``)
      .join(" ");
  const { alone, about } = sqliteRules.pragma;
  return `**Functions on a libSQL file:** ${list(sqliteRules.functions)}

**PRAGMA on a libSQL file** (never with \`=\`): ${list(alone)}; about a table or an index, also as a table \`pragma_…\`: ${list(about)}

**Functions on PostgreSQL:** ${list(postgresRules.functions)}
`;
}

function errorCodes() {
  const text = read("src/errors.ts");
  const lines = [...text.matchAll(/^ \* - `([a-z-]+)`: ([^]*?)(?=\n \* - |\n \*\/)/gm)].map(
    ([, code, about]) => `| \`${code}\` | ${prose(about)} |`,
  );
  return `| code | what went wrong |\n|---|---|\n${lines.join("\n")}\n`;
}

/** Every page with parts that are made, as it should be. */
export async function pages() {
  const parts = {
    schema: await schema(),
    views: await views(),
    answered: await answered(),
    errors: errorCodes(),
  };
  const files = readdirSync(new URL("docs/", root)).filter((name) => name.endsWith(".md"));
  let made = 0;
  const result = new Map();
  for (const file of files) {
    const text = read(`docs/${file}`);
    const next = text.replace(
      /(<!-- made by scripts\/spec\.mjs: (\w+) -->\n)[^]*?(<!-- end -->)/g,
      (...match) => {
        const [, open, name, close] = match;
        made++;
        return `${open}\n${parts[name]}\n${close}`;
      },
    );
    if (next.includes("<!-- made by scripts/spec.mjs")) result.set(`docs/${file}`, next);
  }
  return { pages: result, made };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { pages: made } = await pages();
  for (const [path, text] of made) writeFileSync(new URL(path, root), text);
}
