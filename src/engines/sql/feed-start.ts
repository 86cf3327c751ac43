import { createHash } from "node:crypto";
import { planChange } from "../../engine/change.ts";
import { insert, update } from "../../engine/engine.ts";
import { planQuery } from "../../engine/query.ts";
import { columnName } from "../../model/collection.ts";
import { syncSchema } from "../../model/schema.ts";
import {
  clockAt,
  newStoreId,
  type SyncedTable,
  type SyncSelf,
  syncSelf,
  syncVersions,
} from "../../model/sync.ts";
import { query, type SqlClient, type Statement, statement } from "./client.ts";
import { compileFind } from "./compile.ts";
import { decodeRows } from "./decode.ts";
import type { Dialect, FeedDialect } from "./dialect.ts";
import { migrate } from "./migrate.ts";
import { compileWrite } from "./step.ts";
import { createWriter, quoted } from "./writer.ts";

export interface SqlFeedOptions {
  readonly dialect: Dialect;
  readonly feed: FeedDialect;
  readonly now: () => number;
}

/** Rows that are noted in one transaction: some 20 ms of the writers' time on a file. */
const piece = 1_000;

/**
 * The store gets its id, and then the database what notes changes, in one transaction; what was there before is noted
 * behind it. Where all of that was done, it costs a look.
 */
export async function startFeed(
  client: SqlClient,
  { dialect, feed, now }: SqlFeedOptions,
  tables: readonly SyncedTable[],
): Promise<string> {
  await migrate(client, dialect, { schema: syncSchema, now });
  const { statements, triggers } = feed.program(tables);
  const noted = {
    fields: Object.fromEntries(tables.map(({ collection, fields }) => [collection.name, fields])),
    program: digestOf(statements),
  };
  const [known, there] = await Promise.all([
    readSelf(client, dialect),
    client.read(query(feed.triggerNames)),
  ]);
  const names = new Set(there.rows.map(([name]) => String(name)));
  const isNoting =
    JSON.stringify(known?.noted) === JSON.stringify(noted) && triggers.every((name) => names.has(name));
  const hasMoved = isNoting && feed.moved && (await client.read(feed.moved)).rows.length > 0;
  if (known && isNoting && !hasMoved) return known.store;

  const self = { id: "self", store: newStoreId(), noted: null };
  const identity = compileWrite(dialect, [planChange(insert(syncSelf, [self]))]).statements;
  const switching = [...dialect.lockSchema, ...identity, ...statements];
  await client.write(switching, { again: true, slow: true });
  const { store } = (await readSelf(client, dialect)) ?? self;
  for (const table of tables) await noteAll(client, dialect, { table, store });
  const done = compileWrite(dialect, [planChange(update(syncSelf, { id: "self" }, { noted }))]).statements;
  await client.write(done, { again: true });
  return store;
}

function digestOf(statements: readonly Statement[]): string {
  const hash = createHash("sha256");
  for (const { sql } of statements) hash.update(`${sql}\n`);
  return hash.digest("hex").slice(0, 16);
}

async function readSelf(client: SqlClient, dialect: Dialect): Promise<SyncSelf | undefined> {
  const plan = planQuery(syncSelf, { where: { id: "self" } });
  const { rows } = await client.read(compileFind(dialect, syncSelf, plan));
  const [row] = decodeRows(dialect, syncSelf, { fields: plan.fields, rows });
  // Its fields are the collection's, which is typed by them.
  return row as SyncSelf | undefined;
}

/** Rows that were there before: none of a piece is noted twice, and any change of them is later. */
async function noteAll(
  client: SqlClient,
  dialect: Dialect,
  { table: { collection, session }, store }: { readonly table: SyncedTable; readonly store: string },
): Promise<void> {
  const from = quoted(collection.name);
  const key = quoted(columnName(collection.key));
  const column = { kind: "id", expression: "max(k)" } as const;
  let after: string | undefined;
  for (;;) {
    const asking = createWriter(dialect);
    const behind = after === undefined ? "" : ` where ${key} > ${asking.place(after)}`;
    const keys = `select ${key} as k from ${from}${behind} order by ${key} limit ${piece}`;
    const { rows } = await client.read(
      query(`select ${dialect.select([column])} from (${keys}) as piece`, asking.params),
    );
    const [last = null] = dialect.unpacker([column])(rows[0] ?? []);
    if (last === null) return;
    const writer = createWriter(dialect);
    const text = (value: string): string => writer.bind("id", value);
    const values = [
      `${text(`${collection.name}/`)} || ${key}`,
      ...[text(collection.name), key, session === null ? "null" : quoted(columnName(session))],
      ...["0", text(clockAt(0, store)), text(clockAt(0, store))],
    ];
    const upTo = writer.place(String(last));
    const above = after === undefined ? "" : ` and ${key} > ${writer.place(after)}`;
    const insert =
      `insert into ${quoted(syncVersions.name)} ("id", "collection", "row_key", "session_id", "seq", "born", "clock") ` +
      `select ${values.join(", ")} from ${from} where ${key} <= ${upTo}${above} order by ${key} on conflict do nothing`;
    await client.write([statement(insert, writer.params)], { again: true, slow: true });
    after = String(last);
  }
}
