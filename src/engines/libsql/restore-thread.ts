import { isMainThread, parentPort, workerData } from "node:worker_threads";
import Database from "libsql";
import { newId } from "../../model/id.ts";
import { pendingSearch, storeMark } from "../../model/search.ts";
import { newStoreId, syncSelf } from "../../model/sync.ts";
import { quoted } from "../sql/writer.ts";
import type { RestoreWord } from "./copies.ts";

/** For a writer that holds the file; afterwards it is `busy`. */
const patience = 30_000;

interface Thing {
  readonly type: string;
  readonly name: string;
  readonly sql: string;
}

/** What has a text in the schema; the engine's own tables make themselves again. */
function thingsOf(db: Database.Database, schema: "main" | "copy"): Thing[] {
  const rows = db
    .prepare(`select type, name, sql from ${schema}.sqlite_master where sql is not null`)
    .raw()
    .all([]) as string[][];
  return rows
    .map(([type = "", name = "", sql = ""]) => ({ type, name, sql }))
    .filter(({ name }) => !/^(sqlite_|libsql_)|_shadow(_idx)?$/.test(name));
}

function exchange(db: Database.Database): void {
  const old = thingsOf(db, "main");
  const dropped = [
    ...old.filter(({ type }) => type === "trigger" || type === "view"),
    ...old.filter(({ type }) => type === "index"),
    ...old.filter(({ type }) => type === "table"),
  ];
  for (const { type, name } of dropped) db.exec(`drop ${type} main.${quoted(name)}`);
  const fresh = thingsOf(db, "copy");
  for (const { name, sql } of fresh.filter(({ type }) => type === "table")) {
    db.exec(sql);
    db.exec(`insert into main.${quoted(name)} select * from copy.${quoted(name)}`);
  }
  for (const { sql } of fresh.filter(({ type }) => type === "index")) db.exec(sql);
  for (const { sql } of fresh.filter(({ type }) => type === "view" || type === "trigger")) db.exec(sql);
  const [counter] = db
    .prepare("select 1 from copy.sqlite_master where name = 'sqlite_sequence'")
    .raw()
    .all([]);
  if (counter !== undefined)
    db.exec(
      "delete from main.sqlite_sequence; insert into main.sqlite_sequence select * from copy.sqlite_sequence",
    );
  // What it told after the copy was made is no more: for others it is another store by now.
  if (fresh.some(({ name }) => name === syncSelf.name))
    db.prepare(`update main.${quoted(syncSelf.name)} set store = ?`).run([newStoreId()]);
  // The search index is another store's by now, and is made anew.
  db.prepare(`update main.${quoted(pendingSearch.name)} set session_id = ? where id = ?`).run([
    newId(),
    storeMark,
  ]);
}

function main(port: NonNullable<typeof parentPort>): void {
  const { place, path } = workerData as { readonly place: string; readonly path: string };
  const say = (word: RestoreWord): void => port.postMessage(word);
  const failed = (error: unknown): void =>
    say({ failed: error instanceof Error ? error.message : String(error) });
  try {
    const db = new Database(place, { timeout: patience });
    db.exec("pragma synchronous = full; pragma foreign_keys = off");
    db.prepare("attach ? as copy").run([path]);
    db.exec("begin immediate");
    port.once("message", () => {
      try {
        exchange(db);
        db.exec("commit");
        db.exec("detach copy");
        db.close();
        say("done");
      } catch (error) {
        if (db.inTransaction) db.exec("rollback");
        failed(error);
      }
    });
    say("locked");
  } catch (error) {
    failed(error);
  }
}

if (!isMainThread && parentPort !== null) main(parentPort);
