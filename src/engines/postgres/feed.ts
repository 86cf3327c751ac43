import { columnName } from "../../model/collection.ts";
import { type SyncedTable, syncSelf, syncVersions } from "../../model/sync.ts";
import { query, type Statement, statement } from "../sql/client.ts";
import type { FeedDialect } from "../sql/dialect.ts";
import { quoted } from "../sql/writer.ts";

const versions = quoted(syncVersions.name);
const self = quoted(syncSelf.name);
const next = `nextval('sync_versions_seq')`;
const xid = "pg_current_xact_id()";
const stamp = (ms: string): string => `lpad((${ms})::text, 15, '0') || '-' || this_store`;
const fresh = stamp("this_ms");
/** The row's clock only grows, whatever the machine's does. */
const later = stamp("greatest(this_ms, substr(known.clock, 1, 15)::bigint + 1)");
const aloud = `current_setting('loci.quiet', true) is distinct from '1'`;
const xmin = "pg_snapshot_xmin(pg_current_snapshot())";
/** No transaction of this server has such a number yet: the rows were brought from another one. */
const fromElsewhere = `exists (select from ${versions} where "xid" >= pg_snapshot_xmax(pg_current_snapshot()))`;

/**
 * Transactions end in another order than they take numbers in, so that a number may appear behind a higher one. The feed
 * is in the order of transactions, and shows those only before which none is under way: a long one delays it.
 */
export const postgresFeed: FeedDialect = {
  program(tables) {
    const triggers = [numbering, ...tables.flatMap(triggersOf)];
    return {
      triggers: triggers.map(({ name }) => name),
      statements: [
        statement(`alter table ${versions} add column if not exists "xid" xid8 not null default ${xid}`),
        statement(`create index if not exists idx_sync_versions_xid on ${versions} ("xid", "seq")`),
        statement("create sequence if not exists sync_versions_seq"),
        query(`select setval('sync_versions_seq', greatest(${next}, (select max("seq") from ${versions})))`),
        statement(`update ${self} set "store" = substr(md5(random()::text), 1, 12) where ${fromElsewhere}`),
        statement(
          `update ${versions} set "xid" = ${xid} where "xid" >= pg_snapshot_xmax(pg_current_snapshot())`,
        ),
        ...triggers.flatMap(({ name, when, each, body }): Statement[] => [
          statement(
            `create or replace function ${quoted(name)}() returns trigger language plpgsql as $program$\n${body}\n$program$`,
          ),
          statement(
            `create or replace trigger ${quoted(name)} ${when} for each ${each} execute function ${quoted(name)}()`,
          ),
        ]),
      ],
    };
  },
  triggerNames: `select tgname from pg_trigger join pg_class on pg_class.oid = tgrelid
    where not tgisinternal and relnamespace = current_schema()::regnamespace`,
  triggersOf: (name) =>
    query(
      `select 'create or replace trigger' || substr(pg_get_triggerdef(oid), 15) from pg_trigger
       where tgrelid = to_regclass($1::text) and not tgisinternal`,
      [quoted(name)],
    ),
  moved: query(`select 1 where ${fromElsewhere}`),
  quiet: [query("select set_config('loci.quiet', '1', true)")],
  loud: [],
  position: `"xid"::text || '.' || "seq"::text`,
  end: `${xmin}::text || '.0'`,
  behind: ([xid = "0", seq = "0"], writer) =>
    `("xid", "seq") > (${writer.place(xid)}::text::xid8, ${writer.place(seq)}::text::bigint) and "xid" < ${xmin}`,
  order: `"xid", "seq"`,
};

interface Trigger {
  readonly name: string;
  /** `after insert on t …`, with what stands behind it. */
  readonly when: string;
  readonly each: string;
  readonly body: string;
}

/** For versions that others bring: they come with 0 for their number. */
const numbering: Trigger = {
  name: "sync_numbered",
  when: `before insert or update on ${versions}`,
  each: `row when (new."seq" = 0)`,
  body: `begin new."seq" := ${next}; new."xid" := ${xid}; return new; end`,
};

const body = (...statements: string[]): string =>
  `declare
  this_store text := (select s."store" from ${self} s where s."id" = 'self');
  this_ms bigint := (extract(epoch from clock_timestamp()) * 1000)::bigint;
begin
  ${statements.join(";\n  ")};
  return null;
end`;

/** What notes one version for each row `r`; `settings` are for those that are known. */
function note(
  { collection, session }: SyncedTable,
  from: string,
  {
    values,
    settings,
  }: { readonly values: Readonly<Record<string, string>>; readonly settings: readonly string[] },
): string {
  const key = `r.${quoted(columnName(collection.key))}`;
  const names = ["id", "collection", "row_key", "session_id", "seq", "xid", ...Object.keys(values)];
  const of = session === null ? "null" : `r.${quoted(columnName(session))}`;
  const identity = [`'${collection.name}/' || ${key}`, `'${collection.name}'`, key, of];
  const changes = ["seq", "xid", "session_id"].map((name) => `"${name}" = excluded."${name}"`);
  return (
    `insert into ${versions} as known (${names.map(quoted).join(", ")}) ` +
    `select ${[...identity, next, xid, ...Object.values(values)].join(", ")} from ${from} as r ` +
    `on conflict ("id") do update set ${[...changes, '"via" = null', `"clock" = ${later}`, ...settings].join(", ")}`
  );
}

function triggersOf(synced: SyncedTable): Trigger[] {
  const { collection, fields } = synced;
  const table = quoted(collection.name);
  const key = quoted(columnName(collection.key));
  const columns = fields.map((field) => ({ field, column: quoted(columnName(field)) }));
  const differs = columns.map(({ column }) => `old.${column} is distinct from new.${column}`);
  const marks = columns.map(({ field }, i) => `'${field}', case when ${differs[i]} then ${fresh} end`);
  const named = (verb: string): string => `sync_${collection.name}_${verb}`;
  const zero = stamp("0");
  const inserted = (from: string): string =>
    note(synced, from, {
      values: { born: fresh, clock: fresh },
      settings: [`"born" = ${later}`, '"clocks" = null'],
    });
  const removed = (from: string): string =>
    note(synced, from, {
      values: { born: zero, clock: fresh, removed: fresh },
      settings: [`"removed" = ${later}`],
    });
  const clocks = `(select jsonb_object_agg(field, ${later}) from jsonb_object_keys(excluded."clocks") field)`;
  const changed = `jsonb_strip_nulls(jsonb_build_object(${marks.join(", ")}))`;
  const updated = note(synced, "(select new.*)", {
    values: { born: zero, clock: fresh, clocks: changed },
    settings: [`"clocks" = coalesce(known."clocks", '{}') || ${clocks}`],
  });
  const loud = `statement when (${aloud})`;
  return [
    {
      name: named("insert"),
      when: `after insert on ${table} referencing new table as made`,
      each: loud,
      body: body(inserted("made")),
    },
    {
      name: named("delete"),
      when: `after delete on ${table} referencing old table as gone`,
      each: loud,
      body: body(removed("gone")),
    },
    {
      // Row by row, since only so a change of other columns costs nothing: totals are set often.
      name: named("update"),
      when: `after update of ${columns.map(({ column }) => column).join(", ")} on ${table}`,
      each: `row when ((${differs.join(" or ")}) and ${aloud})`,
      body: body(updated),
    },
    {
      // No program of ours does this.
      name: named("rename"),
      when: `after update of ${key} on ${table}`,
      each: `row when (old.${key} is distinct from new.${key} and ${aloud})`,
      body: body(removed("(select old.*)"), inserted("(select new.*)")),
    },
  ];
}
