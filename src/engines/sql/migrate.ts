import { LociError } from "../../errors.ts";
import type { AnyCollection } from "../../model/collection.ts";
import type { Migration, Schema } from "../../model/schema.ts";
import { query, type SqlClient, type Statement, statement } from "./client.ts";
import type { Dialect } from "./dialect.ts";
import { stepStatements } from "./tables.ts";
import { createWriter, quoted } from "./writer.ts";

/**
 * Brings the database to the schema. One transaction a step: its first change takes the version's number, which one
 * process only can have, so whoever comes second finds the step done. A process that dies leaves the step undone.
 */
export async function migrate(
  client: SqlClient,
  dialect: Dialect,
  { schema, now }: { readonly schema: Schema; readonly now: () => number },
): Promise<void> {
  const steps = schema.migrations.toSorted((a, b) => a.version - b.version);
  const knows = steps.at(-1)?.version ?? 0;
  for (;;) {
    const has = await versionOf(client, dialect, schema);
    if (has > knows) throw newerSchema(client.place, schema, { has, knows });
    const step = steps.find(({ version }) => version > has);
    if (!step) return;
    if (step.rewrite && has > 0) await client.keepCopy?.(`v${has}`);
    const lacking = await lackingDefaults(client, dialect, step);
    const triggers = await triggersOf(client, dialect, [...(step.rewrite ?? []), ...lacking]);
    const statements = [...stepTransaction(dialect, schema, { step, at: now(), lacking }), ...triggers];
    try {
      await client.write(statements, { again: true, slow: true });
    } catch (error) {
      // Another process was there first, or the step failed: the version tells.
      if ((await versionOf(client, dialect, schema)) <= has) throw error;
    }
  }
}

/** Where the tables are new they have theirs already: a table that a step makes is made as it is by now. */
async function lackingDefaults(
  client: SqlClient,
  dialect: Dialect,
  { defaults = [] }: Migration,
): Promise<AnyCollection[]> {
  const lacking: AnyCollection[] = [];
  for (const collection of defaults) {
    const { rows } = await client.read(dialect.lacksDefaults(collection));
    if (rows.length > 0) lacking.push(collection);
  }
  return lacking;
}

/** What notes changes goes on, in the same transaction. */
async function triggersOf(
  client: SqlClient,
  dialect: Dialect,
  collections: readonly AnyCollection[],
): Promise<Statement[]> {
  const found: Statement[] = [];
  const { feed } = dialect;
  if (feed === undefined) return found;
  for (const { name } of collections) {
    const { rows } = await client.read(feed.triggersOf(name));
    found.push(...rows.map(([text]) => statement(String(text))));
  }
  return found;
}

async function versionOf(client: SqlClient, dialect: Dialect, schema: Schema): Promise<number> {
  const { rows } = await client.read(dialect.hasTable(schema.table));
  if (rows.length === 0) return 0;
  const answer = await client.read(query(`select max("version") from ${quoted(schema.table)}`));
  return Number(answer.rows[0]?.[0] ?? 0);
}

function stepTransaction(
  dialect: Dialect,
  schema: Schema,
  {
    step,
    at,
    lacking,
  }: { readonly step: Migration; readonly at: number; readonly lacking: readonly AnyCollection[] },
): ReturnType<typeof stepStatements> {
  const table = quoted(schema.table);
  const { integer, time } = dialect.types;
  const writer = createWriter(dialect);
  const values = `${writer.bind("integer", step.version)}, ${writer.bind("time", at)}`;
  return [
    ...dialect.lockSchema,
    statement(
      `create table if not exists ${table} ("version" ${integer} primary key not null, "applied_at" ${time} not null)`,
    ),
    statement(`insert into ${table} ("version", "applied_at") values (${values})`, writer.params),
    ...stepStatements(dialect, step, lacking),
  ];
}

function newerSchema(
  place: string,
  schema: Schema,
  { has, knows }: { readonly has: number; readonly knows: number },
): LociError {
  return new LociError(
    "schema",
    `${place} was written by a newer Loci: its ${schema.table} is ${has}, this Loci knows ${knows}. Data untouched.`,
    {
      where: place,
      next: `Update Loci to a version that knows ${schema.table} ${has}: npm install loci@latest`,
    },
  );
}
