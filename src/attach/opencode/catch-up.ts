import { objectOf, textOf } from "../../record/sources/claude-code/line.ts";
import type { OpencodeApi } from "./api.ts";
import type { Cursor } from "./cursor.ts";
import type { Intake } from "./intake.ts";

export interface CatchUp {
  readonly ask: NonNullable<OpencodeApi["ask"]>;
  readonly intake: Intake;
  readonly cursor: Cursor;
  readonly directory: string | undefined;
}

interface Listed {
  readonly id: string;
  readonly updated: number;
  readonly directory: string | undefined;
}

/** Sessions that are named one by one in a question; where there are more, their lists are read instead. */
const mostNamed = 4_000;
const pageOf = 1_000;

/**
 * Brings in what took place while nobody listened. `POST /sync/history` answers every durable event behind the numbers
 * that are named for its session, and all of a session that is not named; so each session that does not matter is
 * named with the largest number.
 */
export async function catchUp({ ask, intake, cursor, directory }: CatchUp): Promise<void> {
  const listed = await listSessions(ask);
  const past = listed.filter(({ updated }) => updated < cursor.since);
  const named: Record<string, number> = {};
  for (const { id } of past) named[id] = Number.MAX_SAFE_INTEGER;
  for (const one of listed) {
    if (directory !== undefined && one.directory !== directory) named[one.id] = Number.MAX_SAFE_INTEGER;
  }
  for (const [id, seq] of cursor.sessions()) named[id] = seq;
  const missed = new Set(intake.running());
  const rows = Object.keys(named).length > mostNamed ? undefined : await history(ask, named);
  if (rows === undefined) {
    for (const { id, updated } of listed) if (updated >= cursor.since) missed.add(id);
  }
  for (const row of rows ?? []) {
    const id = textOf(objectOf(row)?.["aggregate_id"]);
    if (id !== undefined) missed.add(id);
  }
  // One that fails leaves the numbers where they are: it is done again.
  for (const id of missed) await intake.load(id);
  for (const row of rows ?? []) {
    const { aggregate_id: id, seq } = objectOf(row) ?? {};
    await intake.keepMissed(row);
    if (typeof id === "string" && typeof seq === "number") cursor.note(id, seq);
  }
}

/** Undefined where the server has no such thing. */
async function history(
  ask: CatchUp["ask"],
  named: Readonly<Record<string, number>>,
): Promise<readonly unknown[] | undefined> {
  try {
    const { body } = await ask("/sync/history", named);
    return Array.isArray(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

/** Every session of the server's database, or, of an older server, of its folder. */
async function listSessions(ask: CatchUp["ask"]): Promise<Listed[]> {
  const listed: Listed[] = [];
  for (let cursor = ""; listed.length <= mostNamed; ) {
    const { body, headers } = await ask(`/experimental/session?archived=true&limit=${pageOf}${cursor}`).catch(
      () => ask("/session"),
    );
    const page = (Array.isArray(body) ? body : []).flatMap((one: unknown): Listed[] => {
      const info = objectOf(one);
      const id = textOf(info?.["id"]);
      const updated = objectOf(info?.["time"])?.["updated"];
      const directory = textOf(info?.["directory"]);
      return id === undefined ? [] : [{ id, updated: typeof updated === "number" ? updated : 0, directory }];
    });
    listed.push(...page);
    const next = headers.get("x-next-cursor");
    if (next === null || page.length === 0) break;
    cursor = `&cursor=${next}`;
  }
  return listed;
}
