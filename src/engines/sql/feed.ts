import { planChange } from "../../engine/change.ts";
import type { Feed } from "../../engine/engine.ts";
import { type Applied, type FeedQuery, pageSize } from "../../engine/feed.ts";
import { planQuery } from "../../engine/query.ts";
import { LociError } from "../../errors.ts";
import { type RowVersion, syncSelf, syncVersions } from "../../model/sync.ts";
import { query, type SqlClient } from "./client.ts";
import { compileFind, fieldColumns } from "./compile.ts";
import { decodeRow, decodeRows, type Row } from "./decode.ts";
import { type SqlFeedOptions, startFeed } from "./feed-start.ts";
import { compileWrite } from "./step.ts";
import { createWriter, quoted } from "./writer.ts";

export function createSqlFeed(client: SqlClient, { dialect, feed, now }: SqlFeedOptions): Feed {
  return {
    start: (tables) => startFeed(client, { dialect, feed, now }, tables),

    async read({ after, ...asked }) {
      const limit = pageSize(asked);
      const cursor = after === null ? first : cursorOf(after);
      const pageBehind = (position: readonly string[]): Promise<Page> =>
        readPage(client, { dialect, feed }, { ...asked, limit, position });
      let page = await pageBehind((cursor ?? first).position);
      const isOfThis =
        cursor === first || (cursor?.store === page.store && isUpTo(cursor.position, page.end));
      if (cursor && !isOfThis) page = await pageBehind(first.position);
      const { store, versions, positions, end } = page;
      const last = versions.length < limit ? end : (positions.at(-1) ?? end);
      return { versions, cursor: `${store}:${last}`, store, anew: !isOfThis };
    },

    async apply(changes, finds) {
      const { statements, countsOf, again } = compileWrite(dialect, changes.map(planChange));
      const finding = finds.map(({ from, keys }) => {
        const plan = planQuery(from, { where: { [from.key]: { anyOf: keys } } });
        return { from, plan, asked: compileFind(dialect, from, plan) };
      });
      const head = feed.quiet.length;
      const all = [...feed.quiet, ...statements, ...feed.loud, ...finding.map(({ asked }) => asked)];
      const answers = await client.write(all, { again, atOnce: true });
      const counts = countsOf(answers.slice(head, head + statements.length));
      const read = answers.slice(all.length - finding.length);
      const found: Applied["found"] = finding.map(({ from, plan }, i) =>
        decodeRows(dialect, from, { fields: plan.fields, rows: read[i]?.rows ?? [] }),
      );
      return { counts, found };
    },
  };
}

interface Cursor {
  readonly store: string;
  /** Numbers, the weightiest first. */
  readonly position: readonly string[];
}

const first: Cursor = { store: "", position: ["0"] };

/** Undefined where it was made by no feed. */
function cursorOf(text: string): Cursor | undefined {
  const [, store, position] = /^([^:]+):(\d+(?:\.\d+)*)$/.exec(text) ?? [];
  return store === undefined || position === undefined ? undefined : { store, position: position.split(".") };
}

function isUpTo([position = "0"]: readonly string[], end: string): boolean {
  return BigInt(position) <= BigInt(end.split(".")[0] ?? "0");
}

interface Page {
  readonly store: string;
  readonly end: string;
  readonly versions: RowVersion[];
  readonly positions: readonly string[];
}

/** One statement, so that the end is of the same moment as the rows. */
async function readPage(
  client: SqlClient,
  { dialect, feed }: Pick<SqlFeedOptions, "dialect" | "feed">,
  {
    position,
    limit,
    notVia,
    collections,
  }: Omit<FeedQuery, "after"> & { readonly position: readonly string[] },
): Promise<Page> {
  const versions = quoted(syncVersions.name);
  const writer = createWriter(dialect);
  const fields = Object.keys(syncVersions.fields);
  const columns = [
    ...["h.store", "h.the_end", "v.place"].map((expression) => ({ kind: "text", expression }) as const),
    ...fieldColumns(syncVersions, fields),
  ];
  const tests = [feed.behind(position, writer)];
  if (notVia !== undefined) tests.push(`("via" is null or "via" <> ${writer.bind("id", notVia)})`);
  if (collections)
    tests.push(dialect.anyOf({ column: '"collection"', kind: "id", values: collections }, writer));
  const found = `select *, ${feed.position} as place from ${versions} where ${tests.join(" and ")} order by ${feed.order} limit ${writer.place(limit)}`;
  const head = `select (select "store" from ${quoted(syncSelf.name)} where "id" = 'self') as store, ${feed.end} as the_end`;
  const { rows } = await client.read(
    query(
      `select ${dialect.select(columns)} from (${head}) as h left join (${found}) as v on true order by ${feed.order}`,
      writer.params,
    ),
  );
  const unpack = dialect.unpacker(columns);
  const unpacked = rows.map((row) => unpack(row));
  const [[store = null, end] = []] = unpacked;
  if (store === null) throw notStarted(client.place);
  const there = unpacked.filter(([, , place]) => place !== null);
  return {
    store: String(store),
    end: String(end),
    // Its fields are the collection's, which is typed by them.
    versions: there.map(
      (row) => decodeRow(dialect, columns.slice(3), { fields, values: row.slice(3) }) as RowVersion & Row,
    ),
    positions: there.map(([, , place]) => String(place)),
  };
}

function notStarted(place: string): LociError {
  return new LociError("schema", `${place} notes no changes: sync was not switched on in it.`, {
    where: place,
    next: "Call feed.start first.",
  });
}
