import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { createEmitter } from "../../engine/emitter.ts";
import type { Wake } from "../../engine/engine.ts";
import type { Millis } from "../../model/collection.ts";
import { query, type SqlClient } from "../sql/client.ts";
import { importDriver } from "./client.ts";

export interface OwnedWake extends Wake {
  readonly close: () => Promise<void>;
}

const channel = "loci_wake";

/** A NOTIFY in each of eight writers' transactions made them 0.3 times as fast: one for all of this time, behind them. */
const together = 5;

/** A pooler loses what a LISTEN would hear without a word: nothing heard of our own by then means that. */
const heardWithin = 1_000;

/** After the last who waits has gone, the connection stays that long for the next. */
const lingerFor = 10_000;

/** LISTEN on a connection of its own, from the first who waits on; NOTIFY through the pool. */
export function createPostgresWake(url: string, client: SqlClient): OwnedWake {
  const self = randomUUID();
  const emitter = createEmitter();
  const ears = createEars(url, {
    self,
    place: client.place,
    hear(about) {
      for (const name of about) emitter.emit({ name });
    },
    hearAll: emitter.emitAll,
  });
  const untold = new Set<string>();
  let telling: Promise<void> | undefined;

  const send = async (): Promise<void> => {
    const about = [...untold].join(",");
    untold.clear();
    // Without waiting for the disk: there is nothing in it to be lost.
    const sql = "select set_config('synchronous_commit', 'off', true), pg_notify($1, $2)";
    await client.read(query(sql, [channel, `${self} ${about}`])).catch(() => undefined);
    await sleep(together);
    telling = untold.size > 0 ? send() : undefined;
  };
  return {
    works: ears.open,
    tell(about) {
      emitter.emit(about);
      untold.add(about.name);
      telling ??= send();
    },
    listen(about, listener) {
      const end = emitter.listen(about, listener);
      ears.want(true);
      return () => {
        end();
        if (emitter.count() === 0) ears.want(false);
      };
    },
    async close() {
      while (untold.size > 0) await telling;
      await ears.close();
    },
  };
}

interface Hearing {
  readonly self: string;
  readonly place: string;
  readonly hear: (about: readonly string[]) => void;
  readonly hearAll: () => void;
}

interface Ears {
  readonly open: () => boolean;
  readonly want: (wanted: boolean) => void;
  readonly close: () => Promise<void>;
}

/** The connection that hears: made when somebody waits, made anew when it breaks, given up where nothing comes through. */
function createEars(url: string, { self, place, hear, hearAll }: Hearing): Ears {
  let wanted = false;
  let closed = false;
  let works = false;
  let client: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let failures = 0;

  const later = (work: () => void, time: Millis): void => {
    clearTimeout(timer);
    timer = setTimeout(work, time).unref();
  };
  const drop = (broken: Client): void => {
    void broken.end().catch(() => undefined);
    if (client !== broken) return;
    client = undefined;
    works = false;
    if (!closed && wanted) later(connect, Math.min(60_000, 1_000 * 2 ** failures++));
  };
  const hears = (payload: string): void => {
    const [from, about = ""] = payload.split(" ");
    if (from !== self) return hear(about.split(","));
    works = true;
    failures = 0;
    // What was told before is heard now.
    if (about === "") hearAll();
  };
  const connect = (): void => {
    if (client || closed || !wanted) return;
    void importDriver(place).then(({ default: pg }) => {
      if (client || closed || !wanted) return;
      const made = new pg.Client({ connectionString: url, application_name: "loci wake", keepAlive: true });
      client = made;
      made.on("error", () => drop(made));
      made.on("end", () => drop(made));
      made.on("notification", ({ payload = "" }) => hears(payload));
      open(made).catch(() => drop(made));
    });
  };
  const open = async (made: Client): Promise<void> => {
    await listenAlone(made, self);
    later(() => {
      if (!works) drop(made);
    }, heardWithin);
  };
  return {
    open: () => works,
    want(now) {
      wanted = now;
      if (now) connect();
      else
        later(() => {
          if (!wanted && client) drop(client);
        }, lingerFor);
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      if (client) drop(client);
    },
  };
}

/** Listens, and says something that only a working connection hears again. */
async function listenAlone(client: Client, self: string): Promise<void> {
  await client.connect();
  // An engine at rest keeps no process alive. The driver's types do not know of it.
  (client as Client & { readonly unref: () => void }).unref();
  await client.query(`listen ${channel}`);
  await client.query("select pg_notify($1, $2)", [channel, `${self} `]);
}
