import { chmodSync, existsSync, statSync } from "node:fs";
import { type LedgerEntry, ledger as ledgerRows } from "../../model/ledger.ts";
import { type ImportedFile, importedFiles } from "../../model/raw-event.ts";
import { storeSchema } from "../../model/schema.ts";
import { pendingSearch } from "../../model/search.ts";
import { sessions as sessionRows } from "../../model/session.ts";
import type { Loci } from "../../open.ts";
import { listSpool } from "../../record/leftovers.ts";
import { hasLeftovers } from "../../record/recovery.ts";
import type { Finding, NamedCheck } from "../doctor.ts";
import { serverChecks } from "./server.ts";
import { expiring, findHistory } from "../history.ts";
import { syncChecks } from "./sync.ts";
import type { Context } from "../operation.ts";

/** Everything that is asked of an open store. */
export function storeChecks(loci: Loci, { env, now }: Context): readonly NamedCheck[] {
  return [
    { name: "store", look: () => storeFile(loci) },
    ...serverChecks(loci, { env, now }),
    ...syncChecks(loci, now()),
    { name: "schema", look: () => schemaVersion(loci) },
    { name: "integrity", look: () => integrity(loci) },
    { name: "permissions", look: () => permissions(loci) },
    { name: "write-ahead log", look: () => writeAheadLog(loci) },
    { name: "search index", look: () => searchLag(loci) },
    { name: "spool", look: () => spool(loci) },
    { name: "ledger", look: () => ledgerBalance(loci) },
    { name: "dropped", look: () => dropped(loci) },
    { name: "imported", look: () => imported(loci, env) },
    { name: "transcripts kept", look: () => transcriptsKept(loci, { env, now: now() }) },
    { name: "unreadable lines", look: () => unreadable(loci) },
    { name: "prices", look: () => prices(loci) },
    { name: "running sessions", look: () => runningSessions(loci, now()) },
    { name: "clock", look: () => clock(loci, now()) },
  ];
}

/** The store's file, or null where it is on a server. */
function fileOf({ engine, place }: Loci): string | null {
  return /^(libsql|turso)$/.test(engine.name) && existsSync(place) ? place : null;
}

async function storeFile(loci: Loci): Promise<Finding> {
  const count = await loci.sessions.count();
  const file = fileOf(loci);
  const sizes = [file, `${file}-wal`].map((path) =>
    path === null ? 0 : (statSync(path, { throwIfNoEntry: false })?.size ?? 0),
  );
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const size = file === null ? "" : `, ${(bytes / 1e6).toFixed(1)} MB`;
  return { state: "ok", fact: `${loci.engine.name} ${loci.place}${size}, ${count} sessions` };
}

function schemaVersion({ place }: Loci): Finding {
  const newest = Math.max(...storeSchema.migrations.map(({ version }) => version));
  // open() brings a store to this version or refuses it, so an open store has it.
  return { state: "ok", fact: `version ${newest} in ${place}` };
}

/** Engines of files can look for damage. */
interface Checkable {
  check(): Promise<readonly string[]>;
}

function isCheckable(engine: object): engine is Checkable {
  return "check" in engine && typeof engine.check === "function";
}

async function integrity({ engine }: Loci): Promise<Finding> {
  if (!isCheckable(engine)) return { state: "ok", fact: `${engine.name} looks after itself` };
  const damage = await engine.check();
  if (damage.length === 0) return { state: "ok", fact: "every page was read, no damage" };
  return {
    state: "fail",
    fact: `${damage.length} findings, the first: ${damage[0]}`,
    fix: "Copy the file away, then: loci export -o kept.jsonl; the spool keeps what is recorded meanwhile",
  };
}

function permissions(loci: Loci): Finding {
  const file = fileOf(loci);
  if (file === null || process.platform === "win32") return { state: "ok", fact: "the server's business" };
  const paths = [file, `${file}-wal`, `${file}-shm`, file.replace(/(\.db)?$/, ".search.db")].filter((path) =>
    existsSync(path),
  );
  const open = paths.filter((path) => (statSync(path).mode & 0o077) !== 0);
  if (open.length === 0) return { state: "ok", fact: `${paths.length} files, 0600` };
  return {
    state: "warn",
    fact: `others may read ${open.join(", ")}`,
    fix: `chmod 600 ${open.join(" ")}`,
    async repair() {
      for (const path of open) chmodSync(path, 0o600);
      return `${open.length} files closed to others`;
    },
  };
}

function writeAheadLog(loci: Loci): Finding {
  const file = fileOf(loci);
  const wal = file === null ? undefined : statSync(`${file}-wal`, { throwIfNoEntry: false });
  const size = wal?.size ?? 0;
  const large = size > 256e6;
  return {
    state: large ? "warn" : "ok",
    fact: size === 0 ? "empty" : `${(size / 1e6).toFixed(1)} MB`,
    fix: large ? "Some process holds an old read open: end it, and the log is taken in" : undefined,
  };
}

async function searchLag(loci: Loci): Promise<Finding> {
  const [lag] = await loci.engine.rollup(pendingSearch, { by: [], measures: { messages: { sum: "count" } } });
  const behind = lag?.messages ?? 0;
  if (behind === 0) return { state: "ok", fact: "everything stored can be found" };
  return {
    state: "warn",
    fact: `${behind} messages cannot be found yet`,
    fix: "loci doctor --fix",
    async repair() {
      const { messages } = await loci.index.catchUp();
      return `${messages} messages made searchable`;
    },
  };
}

/** What recorders wrote and the store does not have yet. */
function spool(loci: Loci): Finding {
  const waiting = loci.spool === null ? [] : listSpool(loci.spool);
  if (loci.spool === null || waiting.length === 0) return { state: "ok", fact: "nothing waits" };
  const bytes = waiting.reduce((sum, file) => sum + file.bytes, 0);
  const fact = `${waiting.length} files with ${(bytes / 1e3).toFixed(1)} kB in ${loci.spool}`;
  if (!hasLeftovers(loci.spool)) return { state: "ok", fact: `${fact}, of recorders at work` };
  return {
    state: "warn",
    fact: `${fact}, of processes that are no more`,
    fix: "The next recorder takes them in, or now: loci doctor --fix",
    async repair() {
      const { written, lost } = await loci.recover();
      return `${written} happenings taken in${lost > 0 ? `, ${lost} were damaged` : ""}`;
    },
  };
}

function entries({ engine }: Loci): Promise<LedgerEntry[]> {
  return engine.find(ledgerRows);
}

async function ledgerBalance(loci: Loci): Promise<Finding> {
  const all = await entries(loci);
  const sum = (pick: (entry: LedgerEntry) => number): number =>
    all.reduce((whole, one) => whole + pick(one), 0);
  const [noted, written, lost] = [sum((e) => e.noted), sum((e) => e.written), sum((e) => e.dropped)];
  const over = all.filter((entry) => entry.written + entry.dropped > entry.noted);
  const fact = `${all.length} recorders noted ${noted} = ${written} written + ${noted - written - lost} spooled + ${lost} dropped`;
  if (over.length === 0) return { state: "ok", fact };
  return {
    state: "fail",
    fact: `${fact}; ${over.length} recorders do not balance`,
    fix: "Please report it: loci doctor --json",
  };
}

async function dropped(loci: Loci): Promise<Finding> {
  const all = (await entries(loci)).filter((entry) => entry.dropped > 0);
  if (all.length === 0) return { state: "ok", fact: "nothing was dropped" };
  const reasons = new Map<string, number>();
  for (const { reasons: said } of all) {
    for (const [reason, count] of Object.entries(said ?? {})) {
      reasons.set(reason, (reasons.get(reason) ?? 0) + Number(count));
    }
  }
  const list = [...reasons].map(([reason, count]) => `${count} ${reason}`).join(", ");
  return {
    state: "warn",
    fact: `dropped: ${list || "no reason noted"}`,
    fix: "docs/recorder.md says what each reason means",
  };
}

async function imported(loci: Loci, env: Context["env"]): Promise<Finding> {
  const files: ImportedFile[] = await loci.engine.find(importedFiles);
  const known = new Map(files.map((file) => [file.path, file]));
  const history = findHistory(env);
  const behind = history.files.filter(({ path, size }) => (known.get(path)?.size ?? 0) < size);
  // A database holds many sessions: it counts once.
  const read = files.filter(({ source }) => source !== "opencode").length;
  const fact = `${read} files read, ${history.files.length - behind.length} of ${history.files.length} transcripts up to date`;
  if (behind.length === 0) return { state: "ok", fact };
  return { state: "warn", fact: `${fact}; ${behind.length} have something new`, fix: "loci" };
}

async function transcriptsKept(
  loci: Loci,
  { env, now }: { readonly env: Context["env"]; readonly now: number },
): Promise<Finding> {
  const history = findHistory(env);
  const { sessions, unread, first } = await expiring(loci, history, { now });
  const rule = `Claude Code removes them after ${history.keptDays} days`;
  if (sessions === 0) return { state: "ok", fact: rule };
  const on = new Date(first).toISOString().slice(0, 10);
  if (unread.length === 0)
    return {
      state: "ok",
      fact: `${rule}: ${sessions} go within 7 days, the first on ${on}; all of them are kept here`,
    };
  return {
    state: "warn",
    fact: `${rule}: of ${sessions} that go within 7 days ${unread.length} are not kept here, the first goes on ${on}`,
    fix: "loci reads them now; to keep the files longer, set cleanupPeriodDays in Claude Code's settings.json",
  };
}

async function unreadable({ engine }: Loci): Promise<Finding> {
  const files = await engine.find(importedFiles, { where: { unreadable: { from: 1 } } });
  const lines = files.reduce((sum, file) => sum + file.unreadable, 0);
  if (lines === 0) return { state: "ok", fact: "every line could be read" };
  const [first] = files;
  return {
    state: "warn",
    fact: `${lines} in ${files.length} files, such as ${first?.path}; they are kept as they are`,
    fix: "Nothing is lost; loci export --raw -o FOLDER gives them back",
  };
}

async function prices({ reports }: Loci): Promise<Finding> {
  const unpriced = await reports.unpriced();
  if (unpriced.length === 0) return { state: "ok", fact: "every model that was called has a price" };
  const [first] = unpriced;
  return {
    state: "warn",
    fact: `no price for ${unpriced.map(({ model, calls }) => `${model} (${calls} calls)`).join(", ")}`,
    fix: `loci prices set ${first?.model} --in N --out N`,
  };
}

async function runningSessions({ engine }: Loci, now: number): Promise<Finding> {
  const silent = await engine.find(sessionRows, {
    where: { status: "running", updatedAt: { below: now - 86_400_000 } },
    fields: ["id"],
    limit: 1000,
  });
  if (silent.length === 0) return { state: "ok", fact: "none is silent for a day" };
  return {
    state: "warn",
    fact: `${silent.length} say they run and were silent for a day`,
    fix: "loci ls --status running: their agents ended without saying so",
  };
}

async function clock({ engine }: Loci, now: number): Promise<Finding> {
  const ahead = await engine.find(sessionRows, {
    where: { updatedAt: { above: now + 3_600_000 } },
    fields: ["id"],
    limit: 1000,
  });
  if (ahead.length === 0) return { state: "ok", fact: "nothing was recorded in the future" };
  return {
    state: "warn",
    fact: `${ahead.length} sessions are more than an hour ahead of this clock`,
    fix: "Compare the clocks of the machines that record",
  };
}
