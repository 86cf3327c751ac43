// Other processes for the tests of engines: plain JavaScript, started with a role and its arguments as JSON.
// Each says "ready" when it can begin, begins at "go", and prints its result as JSON.
import { once } from "node:events";
import { createRequire } from "node:module";

const dist = new URL("../../dist/", import.meta.url);
const { openLibsql } = await import(new URL("engines/libsql/libsql.js", dist).href);
const { createPostgresEngine } = await import(new URL("engines/postgres/postgres.js", dist).href);
const { createRemoteEngine } = await import(new URL("engines/remote/remote.js", dist).href);
const { openTurso } = await import(new URL("engines/turso/turso.js", dist).href);
const testing = await import(new URL("testing/index.js", dist).href);
const { insert, remove, update } = await import(new URL("engine/engine.js", dist).href);

const open = (url) =>
  url.startsWith("http:")
    ? createRemoteEngine(url)
    : url.startsWith("postgres:")
      ? createPostgresEngine(url, { max: 2 })
      : url.startsWith("turso:")
        ? openTurso(url.slice(6), { inThread: true })
        : openLibsql(url, { inThread: true });
const failure = ({ code, message, next, where }) => ({ code, message, next, where });

const ready = async () => {
  process.send("ready");
  await once(process, "message");
};

const roles = {
  /** Brings a new or an older store to the newest step, at the same moment as the others. */
  async prepare({ url }) {
    await ready();
    const engine = await open(url);
    await engine.prepare(testing.thirdSchema);
    const rows = await engine.find(testing.cards);
    await engine.close();
    return { rows: rows.length };
  },

  /** Dies by SIGKILL at the n-th statement of the migration. */
  async dieAt({ url, n }) {
    const libsql = createRequire(new URL("engines/libsql/connection.js", dist))("libsql");
    const engine = await open(url);
    let calls = 0;
    const count = () => {
      if (++calls === n) process.kill(process.pid, "SIGKILL");
    };
    const { exec, prepare } = libsql.prototype;
    libsql.prototype.exec = function (sql) {
      if (sql === "commit") count();
      return exec.call(this, sql);
    };
    libsql.prototype.prepare = function (sql) {
      count();
      return prepare.call(this, sql);
    };
    await engine.prepare(testing.thirdSchema);
    await engine.close();
    return { calls };
  },

  /** Dies by SIGKILL before the n-th statement that Turso runs for the migration. */
  async dieAtTurso({ url, n }) {
    const engine = await open(url);
    const { Database } = await import("@tursodatabase/database");
    let calls = 0;
    const { prepare } = Database.prototype;
    Database.prototype.prepare = async function (sql) {
      const statement = await prepare.call(this, sql);
      const { run } = statement;
      statement.run = function (...params) {
        if (++calls === n) process.kill(process.pid, "SIGKILL");
        return run.apply(this, params);
      };
      return statement;
    };
    await engine.prepare(testing.thirdSchema);
    await engine.close();
    return { calls };
  },

  /** Has the write lock until it is told to let go. */
  async hold({ url }) {
    const Database = createRequire(new URL("engines/libsql/connection.js", dist))("libsql");
    const db = new Database(url, { timeout: 5000 });
    db.exec("begin immediate");
    await ready();
    db.exec("rollback");
    return {};
  },

  /** Makes, changes and removes things, all of which a feed has to tell. */
  async change({ url, name, rows }) {
    const engine = await open(url);
    await ready();
    for (let n = 0; n < rows; n++) {
      const id = `${name}-${n}`;
      await engine.write([insert(testing.things, [testing.thing({ id })])]);
      await engine.write([update(testing.things, { id }, { name: "changed" })]);
      if (n % 3 === 0) await engine.write([remove(testing.things, { id })]);
    }
    await engine.close();
    return { rows };
  },

  /** Writes until it is killed, and says which rows were acknowledged. */
  async write({ url, name }) {
    const engine = await open(url);
    await ready();
    for (let n = 0; ; n++) {
      await engine.write([
        insert(testing.things, [testing.thing({ id: `${name}-${n}` })]),
        insert(testing.jobs, [testing.job({ id: `${name}-${n}` })]),
      ]);
      process.send({ acknowledged: n });
    }
  },

  /** Leaves an engine open behind itself. */
  async idle({ url }) {
    const engine = /^(postgres|http):/.test(url) ? await open(url) : await openLibsql(url);
    await engine.prepare(testing.suiteSchema);
    await engine.find(testing.things);
    process.disconnect();
    return {};
  },

  /** What opening answers, for a user of its own. */
  async tryOpen({ url, options }) {
    try {
      const engine = url.startsWith("postgres:")
        ? await createPostgresEngine(url, options)
        : url.startsWith("turso:")
          ? await openTurso(url.slice(6), options)
          : await openLibsql(url, options);
      await engine.prepare(testing.suiteSchema);
      await engine.close();
      return { opened: true };
    } catch (error) {
      return { error: failure(error) };
    }
  },
};

const [, , role, args] = process.argv;
const result = await roles[role](JSON.parse(args));
process.stdout.write(JSON.stringify(result));
if (process.connected) process.disconnect();
