import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Loci, open } from "../../dist/index.js";
import { needs } from "../support/needs.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { type Connected, makeWorld, type World } from "./world.ts";

export type Row = Record<string, unknown>;
export type Rows = Record<string, Row[]> & Row;
export interface NextCall {
  readonly tool: string;
  readonly arguments: Row;
}

/** Two clients, each with a server process of its own, on one store; and the typed API on the same. */
export interface Pair {
  readonly world: World;
  readonly url: string;
  readonly loci: Loci;
  readonly one: Connected;
  readonly other: Connected;
}

/** The same tests on a libSQL file and on PostgreSQL. */
export function onEachStore(
  what: string,
  flags: readonly string[],
  tests: (it: (title: string, run: (pair: Pair) => Promise<void>) => void) => void,
): void {
  let world: World;
  let postgres: PostgresServer;
  beforeAll(async () => {
    world = makeWorld();
    postgres = await startPostgres();
  });
  afterAll(async () => {
    await postgres.stop();
    world.end();
  });
  describe.each(["libsql", "postgres"])(`${what} on %s`, (name) => {
    let pair: Pair | undefined;
    beforeAll(async () => {
      if (name === "postgres" && postgres.missing !== undefined) return;
      const url = name === "postgres" ? await postgres.database() : world.store;
      const one = await world.connect("--db", url, ...flags);
      const other = await world.connect("--db", url, ...flags);
      pair = { world, url, loci: await open(url), one, other };
    });
    afterAll(async () => {
      await pair?.loci.close();
      await pair?.one.close();
      await pair?.other.close();
    });
    tests((title, run) => {
      test(title, async (context) => {
        needs(context, name !== "postgres" || postgres.missing === undefined, postgres.missing ?? "");
        if (pair === undefined) throw new Error("There is no store.");
        await run(pair);
      });
    });
  });
}

export async function good(
  client: Connected,
  tool: string,
  args: Row = {},
): Promise<{ text: string; data: Rows }> {
  const { text, data, isError } = await client.call(tool, args);
  expect({ tool, isError, text }).toEqual({ tool, isError: false, text });
  return { text, data: data as Rows };
}

/** What stands behind a cursor, to its end. */
export async function readOn(client: Connected, from: unknown, field: string): Promise<string> {
  let [call, whole] = [from as NextCall | undefined, ""];
  for (let page = 0; page < 100 && call !== undefined; page++) {
    const { data } = await good(client, call.tool, call.arguments);
    whole += String(data[field]);
    call = data["next"] as NextCall | undefined;
  }
  return whole;
}
