import type { Client } from "pg";
import type { SqlExecuted } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import { createAnswer, type Limits } from "../sql/guard-answer.ts";
import { type Change, isKept } from "../sql/guard-write.ts";

interface How {
  readonly values: readonly unknown[];
  readonly limits: Limits;
  readonly maxChanges: number;
}

interface Ran {
  readonly fields: ReadonlyArray<{ readonly name: string }>;
  readonly rows: unknown[][];
  readonly rowCount: number | null;
}

/** One statement in one transaction: done as a whole, or not at all. */
export async function changeRows(client: Client, statement: Change, how: How): Promise<SqlExecuted> {
  const { values, limits, maxChanges } = how;
  const nothing = { columns: [], rows: [], truncated: false, rowsAffected: 0, lastInsertRowid: null };
  if (statement.kind === "nothing") return nothing;
  // The extended protocol takes one statement and nothing behind it, whatever the guard thought of it.
  const ask = (text: string, bound: readonly unknown[] = []): Promise<Ran> =>
    client.query<unknown[]>({
      text,
      values: [...bound],
      rowMode: "array",
      queryMode: "extended",
    } as never) as never as Promise<Ran>;
  await begin(client, limits);
  if (statement.index !== undefined) await checkIndex(ask, statement.index);
  for (const { written } of statement.targets) await checkTable(ask, written);
  const ran = await ask(statement.text, values);
  if (statement.kind !== "rows-changed") {
    await client.query("commit");
    return nothing;
  }
  const changed = ran.rowCount ?? 0;
  if (changed > maxChanges) {
    throw new LociError(
      "too-large",
      `The statement changes ${changed} rows, and ${maxChanges} are let through. It was undone.`,
      {
        next: "Narrow it with WHERE, do it in parts, or type it yourself: loci sql --write --yes --max-changes N",
      },
    );
  }
  const answer = createAnswer(
    ran.fields.map(({ name }) => name),
    limits,
  );
  for (const row of ran.rows) answer.add(row);
  await client.query("commit");
  return { ...answer.answer(), rowsAffected: changed, lastInsertRowid: null };
}

type Ask = (text: string, bound?: readonly unknown[]) => Promise<Ran>;

async function begin(client: Client, { deadline }: Limits): Promise<void> {
  const most = Math.ceil(deadline);
  await client.query(`begin; set local statement_timeout = ${most};
    set local lock_timeout = ${Math.min(2_000, most)}; set local idle_in_transaction_session_timeout = ${most + 5_000};
    set local standard_conforming_strings = on; set local timezone = 'UTC'; set local datestyle = 'ISO';
    set local bytea_output = 'hex'; set local work_mem = '16MB'; set local jit = off`);
}

/** A view would write through to what it shows; another schema's table is not the user's. */
async function checkTable(ask: Ask, written: string): Promise<void> {
  const { rows } = await ask(
    `select c.relkind, n.nspname = current_schema() from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.oid = to_regclass($1)`,
    [written],
  );
  const [kind, here] = rows[0] ?? [];
  // What is not there, the statement itself says.
  if (kind === undefined || ((kind === "r" || kind === "p") && here === true)) return;
  throw new LociError("read-only", `${written} is no table of this schema: only rows of tables are changed.`);
}

async function checkIndex(ask: Ask, index: string): Promise<void> {
  const { rows } = await ask(
    `select t.relname from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
     where lower(c.relname) = $1`,
    [index],
  );
  if (!rows.some(([table]) => isKept(String(table)))) return;
  throw new LociError("read-only", `${index} is Loci's own index: it is not dropped here.`);
}
