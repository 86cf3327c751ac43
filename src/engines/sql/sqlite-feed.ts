import { columnName } from "../../model/collection.ts";
import { type SyncedTable, syncSelf, syncVersions } from "../../model/sync.ts";
import { query, type Statement, statement } from "./client.ts";
import type { FeedDialect } from "./dialect.ts";
import { quoted } from "./writer.ts";

const versions = quoted(syncVersions.name);
const self = quoted(syncSelf.name);
const store = `(select "store" from ${self} where "id" = 'self')`;
const next = `(select coalesce(max("seq"), 0) + 1 from ${versions})`;
const millis = "cast((julianday('now') - 2440587.5) * 86400000 + 0.5 as integer)";
const stamp = (ms: string): string => `printf('%015d-%s', ${ms}, ${store})`;
const born = stamp(millis);
/** The row's clock only grows, whatever the machine's does. */
const later = stamp(`max(${millis}, cast(substr("clock", 1, 15) as integer) + 1)`);

/**
 * Changes are numbered in the order of their commits, since there is one writer at a time. Where a statement says
 * `OR IGNORE` or `OR REPLACE`, that holds for what its triggers do, too: so these say `ON CONFLICT`, which stands.
 */
export const sqliteFeed: FeedDialect = createSqliteFeed({
  upsert: (insert, settings) => [`${insert} on conflict ("id") do update set ${settings}`],
  change: (common, settingsOf) => [[...settingsOf(later), ...common]],
});

/** How a trigger says what it does. */
interface Manner {
  /** An insert that, where the row is there, makes these settings instead. */
  upsert(insert: string, settings: string, id: string): readonly string[];
  /** The settings of one update, or of several: `common` sets the clock, which the others take, too. */
  change(
    common: readonly string[],
    settingsOf: (clock: string) => readonly string[],
  ): ReadonlyArray<readonly string[]>;
}

/**
 * For a database that takes no question in a setting of `ON CONFLICT` (the settings come first, and meet no new row), and
 * whose `now` goes on within a statement: it is asked once.
 */
export const feedInSteps: FeedDialect = createSqliteFeed({
  upsert: (insert, settings, id) => [
    `update ${versions} set ${settings} where "id" = ${id}`,
    `${insert} on conflict ("id") do nothing`,
    `update ${versions} set "born" = "clock" where "id" = ${id} and "born" <> "clock"`,
  ],
  change: (common, settingsOf) => [common, settingsOf('"clock"')],
});

function createSqliteFeed(manner: Manner): FeedDialect {
  return {
    program(tables) {
      const triggers = [...numbering, ...tables.flatMap((table) => triggersOf(table, manner))];
      return {
        triggers: triggers.map(({ name }) => name),
        statements: triggers.flatMap(({ name, when, body }): Statement[] => [
          statement(`drop trigger if exists ${quoted(name)}`),
          statement(`create trigger ${quoted(name)} after ${when} begin\n  ${body.join(";\n  ")};\nend`),
        ]),
      };
    },
    triggerNames: `select "name" from sqlite_master where type = 'trigger'`,
    triggersOf: (table) =>
      query(
        `select 'create trigger if not exists' || substr("sql", 15) from sqlite_master where type = 'trigger' and tbl_name = ?`,
        [table],
      ),
    // Other transactions do not see it: it is gone before the end.
    quiet: [statement(`insert into ${self} ("id", "store") values ('quiet', '')`)],
    loud: [statement(`delete from ${self} where "id" = 'quiet'`)],
    position: `"seq"`,
    end: `coalesce((select max("seq") from ${versions}), 0)`,
    behind: ([seq = "0"], writer) => `"seq" > ${writer.place(Number(seq))}`,
    order: `"seq"`,
  };
}

interface Trigger {
  readonly name: string;
  readonly when: string;
  readonly body: readonly string[];
}

/** For versions that others bring: they come with 0 for their number. */
const numbering: readonly Trigger[] = ["insert", "update"].map((verb) => ({
  name: `sync_numbered_${verb}`,
  when: `${verb === "update" ? 'update of "seq"' : verb} on ${versions} when new."seq" = 0`,
  // The highest number may be the one that was just taken off this row: it is never given out again.
  body: [
    `update ${versions} set "seq" = ${verb === "update" ? `max(${next}, old."seq" + 1)` : next} where "id" = new."id"`,
  ],
}));

function triggersOf({ collection, fields, session }: SyncedTable, manner: Manner): Trigger[] {
  const table = quoted(collection.name);
  const key = quoted(columnName(collection.key));
  const columns = fields.map((field) => ({ field, column: quoted(columnName(field)) }));
  const named = (verb: string): string => `sync_${collection.name}_${verb}`;
  const aloud = `not exists (select 1 from ${self} where "id" = 'quiet')`;
  const sessionOf = (row: string): string =>
    session === null ? "null" : `${row}.${quoted(columnName(session))}`;
  const identity = (row: string): string =>
    `'${collection.name}/' || ${row}.${key}, '${collection.name}', ${row}.${key}, ${sessionOf(row)}`;
  const into = `insert into ${versions} ("id", "collection", "row_key", "session_id", "seq", "born", "clock") values`;
  const changed = (row: string, settingsOf: (clock: string) => readonly string[]): string[] => {
    const common = [
      `"clock" = ${later}`,
      `"seq" = ${next}`,
      '"via" = null',
      `"session_id" = ${sessionOf(row)}`,
    ];
    return [
      // A row that was there before sync, and is not noted yet.
      `${into} (${identity(row)}, ${next}, ${stamp("0")}, ${stamp("0")}) on conflict ("id") do nothing`,
      ...manner
        .change(common, settingsOf)
        .map(
          (settings) =>
            `update ${versions} set ${settings.join(", ")} where "id" = '${collection.name}/' || ${row}.${key}`,
        ),
    ];
  };
  const inserted = manner.upsert(
    `${into} (${identity("new")}, ${next}, ${born}, ${born})`,
    `"seq" = ${next}, "born" = ${later}, "clock" = ${later}, "clocks" = null, ` +
      `"session_id" = ${sessionOf("new")}, "via" = null`,
    `'${collection.name}/' || new.${key}`,
  );
  const removed = changed("old", (clock) => [`"removed" = ${clock}`]);
  const differs = columns.map(({ column }) => `old.${column} is not new.${column}`);
  const marks = columns.map(({ field }, i) => `case when ${differs[i]} then ',"${field}":"@"' else '' end`);
  const changes = `'{' || substr(${marks.join(" || ")}, 2) || '}'`;
  return [
    { name: named("insert"), when: `insert on ${table} when ${aloud}`, body: inserted },
    { name: named("delete"), when: `delete on ${table} when ${aloud}`, body: removed },
    {
      name: named("update"),
      when: `update of ${columns.map(({ column }) => column).join(", ")} on ${table} when (${differs.join(" or ")}) and ${aloud}`,
      body: changed("new", (clock) => [
        `"clocks" = json_patch(coalesce("clocks", '{}'), replace(${changes}, '@', ${clock}))`,
      ]),
    },
    // No program of ours does this.
    {
      name: named("rename"),
      when: `update of ${key} on ${table} when old.${key} is not new.${key} and ${aloud}`,
      body: [...removed, ...inserted],
    },
  ];
}
