import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { bring } from "../../domains/bring.ts";
import { replacedBy } from "../../domains/chain.ts";
import { memberId } from "../../domains/tasks/attempt.ts";
import { createTasks } from "../../domains/tasks/tasks.ts";
import { insert } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import { agents, type AgentStatus, swarmMembers } from "../../model/agent.ts";
import { stableId } from "../../model/id.ts";
import { type Knowledge, knowledge } from "../../model/knowledge.ts";
import { createRedactor } from "../redact.ts";
import { type JsonObject, objectOf, textOf } from "../sources/claude-code/line.ts";
import { type ForeignRow as Row, openForeign, type Run } from "./run.ts";

/** What claude-flow (ruflo) keeps in a folder. */
export interface ClaudeFlowStore {
  /** Its memory database. */
  readonly memory: string | undefined;
  /** The folder of its JSON files, `.claude-flow`. */
  readonly files: string | undefined;
}

const jsonFiles = ["tasks/store.json", "agents/store.json", "swarm/swarm-state.json"];

/** The store that a path names: a project, its `.swarm` or `.claude-flow`, or the database itself. */
export function claudeFlowAt(given: string): ClaudeFlowStore | undefined {
  const path = resolve(given);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() === true) {
    return path.endsWith(".db") ? { memory: path, files: undefined } : undefined;
  }
  const memory = [join(path, ".swarm", "memory.db"), join(path, "memory.db")].find((file) =>
    existsSync(file),
  );
  const files = [join(path, ".claude-flow"), path].find((folder) =>
    jsonFiles.some((file) => existsSync(join(folder, file))),
  );
  return memory === undefined && files === undefined ? undefined : { memory, files };
}

/** Brings in one store. Answers how many entries, tasks and agents of it stand here now. */
export async function importClaudeFlow(run: Run, store: ClaudeFlowStore): Promise<number> {
  const remembered = store.memory === undefined ? 0 : await importMemory(run, store.memory);
  return remembered + (store.files === undefined ? 0 : await importFiles(run, store.files));
}

async function importMemory(run: Run, path: string): Promise<number> {
  using database = await openForeign(run, path);
  const rows = database.rows("memory_entries");
  if (rows === null) {
    throw new LociError(
      "invalid",
      "It is no memory database of claude-flow: there is no table memory_entries.",
      {
        where: path,
      },
    );
  }
  const redactor = createRedactor(run.redact);
  const left = { deleted: 0, expired: 0, empty: 0 };
  const entries = rows.flatMap((row) => {
    const why = leftOut(row, run.now());
    if (why !== undefined) left[why]++;
    return why === undefined ? [redactor.value(entryOf(row, run.now()))] : [];
  });
  const said = Object.entries(left).flatMap(([why, count]) => (count === 0 ? [] : [`${count} ${why}`]));
  if (said.length > 0) run.problems.push({ path, problem: `Entries were left out: ${said.join(", ")}.` });
  const byCategory = new Map<string, Entry[]>();
  for (const entry of entries)
    byCategory.set(entry.category, [...(byCategory.get(entry.category) ?? []), entry]);
  for (const [category, list] of byCategory) await run.write(() => writeEntries(run, category, list));
  return entries.length;
}

/** In its version 2 an entry has a value, and ends in seconds; in version 3 a content and a status, and milliseconds. */
function leftOut(row: Row, now: number): "deleted" | "expired" | "empty" | undefined {
  if (row["status"] === "deleted") return "deleted";
  const ends = momentIn(row["expires_at"]);
  if (ends !== undefined && ends <= now) return "expired";
  return contentOf(row).trim() === "" || String(row["key"] ?? "") === "" ? "empty" : undefined;
}

/** Seconds, milliseconds, or a moment as SQLite writes one. */
function momentIn(value: string | number | null | undefined): number | undefined {
  if (typeof value === "number")
    return value > 0 ? Math.floor(value < 1e11 ? value * 1_000 : value) : undefined;
  if (typeof value !== "string" || value === "") return undefined;
  const plain = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(value) ? `${value.replace(" ", "T")}Z` : value;
  const at = Date.parse(plain);
  return Number.isNaN(at) ? undefined : at;
}

/** Version 2 writes every value as JSON: a text is said as it was. */
function contentOf(row: Row): string {
  const text = String(row["content"] ?? row["value"] ?? "");
  if (!text.startsWith('"')) return text;
  const value = parsed(text);
  return typeof value === "string" ? value : text;
}

function parsed(text: string | number | null | undefined): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return undefined;
  }
}

type Entry = Pick<
  Knowledge,
  "category" | "topic" | "content" | "tags" | "metadata" | "agentId" | "createdAt" | "updatedAt"
>;

function entryOf(row: Row, now: number): Entry {
  const tags = parsed(row["tags"]);
  const createdAt = momentIn(row["created_at"]) ?? now;
  const type = row["type"] ?? null;
  return {
    category: String(row["namespace"] ?? "") || "default",
    topic: String(row["key"]),
    content: contentOf(row),
    tags: Array.isArray(tags) ? tags.map(String) : [],
    metadata: {
      ...objectOf(parsed(row["metadata"])),
      source: "claude-flow",
      entry: row["id"] ?? null,
      ...(type === null ? {} : { type }),
    },
    agentId: textOf(row["owner_id"]) ?? textOf(row["agent_id"]) ?? null,
    createdAt,
    updatedAt: Math.max(createdAt, momentIn(row["updated_at"]) ?? createdAt),
  };
}

/** What stands here already stays; what says something else now supersedes it. */
async function writeEntries({ engine }: Run, category: string, entries: readonly Entry[]): Promise<void> {
  const known = await engine.find(knowledge, {
    where: { category },
    fields: ["id", "topic", "content", "metadata", "supersedes", "createdAt"],
  });
  const hidden = replacedBy(known);
  const current = new Map(
    known
      .filter(({ id, metadata }) => !hidden.has(id) && objectOf(metadata)?.["source"] === "claude-flow")
      .map((row) => [row.topic, row]),
  );
  const fresh = entries.flatMap((entry): Knowledge[] => {
    const before = current.get(entry.topic);
    if (before?.content === entry.content) return [];
    const supersedes = before?.id ?? null;
    const { topic, content, createdAt, updatedAt } = entry;
    // The newer one is the one that was changed later.
    const at = before === undefined ? createdAt : Math.max(updatedAt, before.createdAt + 1);
    const id = stableId(at, "claude-flow", category, topic, content, supersedes ?? "");
    return [
      { ...entry, id, sessionId: null, messageId: null, supersedes, uses: 0, createdAt: at, updatedAt: at },
    ];
  });
  for (let at = 0; at < fresh.length; at += 500) {
    await bring(engine, { memory: [], knowledge: fresh.slice(at, at + 500), checkpoint: [] });
  }
}

async function importFiles(run: Run, folder: string): Promise<number> {
  const read = (name: string): JsonObject => readJson(run, join(folder, name));
  const swarms = listIn(read("swarm/swarm-state.json")["swarms"]);
  const latest = swarms.toSorted((a, b) => String(b["createdAt"]).localeCompare(String(a["createdAt"])))[0];
  const project = basename(folder) === ".claude-flow" ? basename(dirname(folder)) : basename(folder);
  const swarm = textOf(latest?.["swarmId"]) ?? project;
  const members = listIn(read("agents/store.json")["agents"]);
  const all = listIn(read("tasks/store.json")["tasks"]);
  await run.write(() => writeAgents(run, swarm, members));
  const open = all.filter(({ status }) => status === "pending" || status === "in_progress");
  const tasks = createTasks(run.engine, { now: run.now });
  for (const task of open) await run.write(() => tasks.create(taskOf(task, swarm)));
  if (open.length < all.length) {
    const problem = `${all.length - open.length} finished tasks were left out.`;
    run.problems.push({ path: join(folder, "tasks/store.json"), problem });
  }
  return members.length + open.length;
}

function readJson(run: Run, path: string): JsonObject {
  if (!existsSync(path)) return {};
  const value = objectOf(parsed(readFileSync(path, "utf8")));
  if (value === undefined)
    run.problems.push({ path, problem: "It is no JSON of claude-flow; it may be encrypted." });
  return value ?? {};
}

/** Its files have objects by id. */
function listIn(value: unknown): JsonObject[] {
  return Object.values(objectOf(value) ?? {})
    .map((one) => objectOf(one))
    .filter((one) => one !== undefined);
}

const priorities: Readonly<Record<string, number>> = { low: -5, normal: 0, high: 5, critical: 10 };

function taskOf(task: JsonObject, swarm: string): Parameters<ReturnType<typeof createTasks>["create"]>[0] {
  const id = textOf(task["taskId"]) ?? "";
  const description = textOf(task["description"]) ?? id;
  return {
    swarm,
    title: description.split("\n")[0]?.slice(0, 200) || id,
    kind: textOf(task["type"]) ?? "task",
    input: { description, tags: task["tags"] ?? [], source: "claude-flow", taskId: id },
    priority: priorities[String(task["priority"])] ?? 0,
    idempotencyKey: `claude-flow:${id}`,
  };
}

/** They are known, and silent until they register themselves. */
async function writeAgents(run: Run, swarmId: string, list: readonly JsonObject[]): Promise<void> {
  const rows = list.flatMap((agent) => {
    const agentId = textOf(agent["agentId"]);
    if (agentId === undefined) return [];
    const at = Date.parse(textOf(agent["createdAt"]) ?? "") || run.now();
    return [{ agentId, type: textOf(agent["agentType"]) ?? null, registeredAt: at, lastHeartbeat: at }];
  });
  const status: AgentStatus = "offline";
  await run.engine.write([
    insert(
      agents,
      rows.map((row) => ({ ...row, edgeRegion: null, capabilities: null })),
    ),
    insert(
      swarmMembers,
      rows.map(({ agentId, registeredAt, lastHeartbeat }) => ({
        id: memberId(swarmId, agentId),
        ...{ swarmId, agentId, status, registeredAt, lastHeartbeat },
        ...{ currentTask: null, region: null, epoch: 0 },
      })),
    ),
  ]);
}
