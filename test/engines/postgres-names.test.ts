import { createHash } from "node:crypto";
import { afterAll, describe, expect, test } from "vitest";
import { openPool, type PostgresClient } from "../../dist/engines/postgres/client.js";
import { query, statement } from "../../dist/engines/sql/client.js";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";

const server: PostgresServer = await startPostgres();
afterAll(() => server.stop());

const greet = "select 'hello ' || $1::text";
const add = "insert into greeted (word) values ($1)";

describe.skipIf(server.missing)("names of prepared statements", () => {
  /** One connection, so that what is prepared and forgotten is the same one's. */
  async function connect(): Promise<PostgresClient> {
    return openPool(await server.database(), { max: 1 });
  }
  const say = async (client: PostgresClient, word: string): Promise<unknown> =>
    (await client.read(query(greet, [word]))).rows[0]?.[0];
  const prepared = async (client: PostgresClient): Promise<string[]> => {
    const { rows } = await client.read(query("select statement from pg_prepared_statements"));
    return rows.map(([text]) => String(text));
  };
  const often = async (client: PostgresClient): Promise<void> => {
    for (let n = 0; n < 8; n++) expect(await say(client, `secret ${n}`)).toBe(`hello secret ${n}`);
  };

  test("what comes often is prepared once, without its values", async () => {
    const client = await connect();
    await often(client);
    expect(await prepared(client)).toEqual([greet]);
    await client.close();
  });

  test("a connection that has forgotten its names: all is done again without them, and once", async () => {
    const client = await connect();
    await client.write([statement("create table greeted (word text)")], { again: true });
    const both = [statement(add, ["one"]), statement(add, ["two"])];
    for (let n = 0; n < 4; n++) await client.write(both, { again: false });
    await often(client);
    expect(await prepared(client)).toHaveLength(2);
    await client.write([statement("deallocate all")], { again: true });
    await client.write(both, { again: false });
    await often(client);
    expect((await client.read(query("select count(*) from greeted"))).rows).toEqual([["10"]]);
    expect(await prepared(client)).toEqual([]);
    await client.close();
  });

  test("a name that somebody else has taken is not used", async () => {
    const client = await connect();
    const name = `loci_${createHash("sha256").update(greet).digest("hex").slice(0, 32)}`;
    await client.write([statement(`prepare ${name} (text) as select 'goodbye ' || $1`)], { again: true });
    await often(client);
    await client.close();
  });

  test("a table that has changed under its name is read as it is now", async () => {
    const client = await connect();
    await client.write([statement("create table wide (a int)")], { again: true });
    const read = async (): Promise<unknown> => (await client.read(query("select * from wide"))).rows[0];
    await client.write([statement("insert into wide values (1)")], { again: true });
    for (let n = 0; n < 8; n++) expect(await read()).toEqual(["1"]);
    await client.write([statement("alter table wide add b int default 2")], { again: true });
    expect(await read()).toEqual(["1", "2"]);
    await client.close();
  });
});
