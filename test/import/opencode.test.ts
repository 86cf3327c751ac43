import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Loci, open } from "../../dist/index.js";
import { importedFiles, rawEvents } from "../../dist/model/raw-event.js";
import { messages } from "../../dist/model/message.js";
import { modelCalls } from "../../dist/model/model-call.js";
import { sessions } from "../../dist/model/session.js";
import { toolExecutions } from "../../dist/model/tool-execution.js";
import { managePrices } from "../../dist/operations/prices.js";
import { rawBytes } from "../../dist/record/export.js";
import { type Folder, testFolder } from "./support/store.ts";

const sql = readFileSync(
  fileURLToPath(new URL("../fixtures/opencode/opencode.sql", import.meta.url)),
  "utf8",
);
const tour = "ses_e0576f1c5ffehBIhtnGkkrLBiE";
const fork = "ses_e0576674effeeTrnE6ICfXeHwa";

let folder: Folder;
let loci: Loci;
let db: Database.Database;
beforeEach(async () => {
  folder = testFolder();
  // As OpenCode has it open: rows stand in the log.
  db = new Database(file());
  db.exec("pragma journal_mode=wal");
  db.exec(sql);
  loci = await open("memory:");
});
afterEach(async () => {
  await loci.close();
  db.close();
  folder[Symbol.dispose]();
});

const file = (): string => folder.at("opencode.db");
const run = (): ReturnType<Loci["import"]> => loci.import([file()], { redact: { off: true } });

async function rawText(id: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of rawBytes(loci.engine, id)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function raw(id: string): Promise<Array<{ table: string; id: string }>> {
  return (await rawText(id))
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { table: string; id: string });
}

describe("a database of OpenCode", () => {
  test("becomes its sessions, with the tokens and the cost that OpenCode itself counted", async () => {
    const report = await run();
    expect(report).toMatchObject({ files: 1, sessions: 11, unreadable: 0, lines: 191, rawEvents: 191 });
    expect(report.problems).toEqual([]);
    const rows = new Map((await loci.engine.find(sessions)).map((row) => [row.id, row]));
    const own = db.prepare("select * from session").all([]) as Array<Record<string, number | string | null>>;
    expect(own).toHaveLength(11);
    for (const row of own) {
      // The fork's row repeats what its parent used before it: nothing of that is its own.
      const of = (name: string): number => (row["id"] === fork ? 0 : Number(row[name]));
      expect(rows.get(String(row["id"]))).toMatchObject({
        inputTokens: of("tokens_input"),
        outputTokens: of("tokens_output") + of("tokens_reasoning"),
        cacheReadTokens: of("tokens_cache_read"),
        cacheWriteTokens: of("tokens_cache_write"),
        costUsd: expect.closeTo(of("cost"), 9),
        ...{ costComplete: true, source: "opencode", title: row["title"], parentSessionId: row["parent_id"] },
      });
    }
    expect(rows.get(tour)).toMatchObject({
      ...{ agentType: "opencode", model: "fake-model", provider: "fake", projectPath: "/workspace" },
      metadata: { version: "1.18.33", agent: "build" },
    });
  });

  test("has messages in order, and each part of them", async () => {
    await run();
    const said = await loci.engine.find(messages, {
      where: { sessionId: tour },
      orderBy: [["sequence", "up"]],
    });
    expect(said.map(({ role, content }) => [role, content])).toEqual([
      ["user", "run the tool tour please"],
      ["assistant", "I will look around first."],
      ["assistant", "Let me look around."],
      ["assistant", "Writing and reading a file."],
      ["assistant", "Now two calls that fail."],
      ["assistant", null],
      ["assistant", "All done: wrote notes.txt, one call failed as planned."],
      ["user", "say hello"],
      ["assistant", "Hello!"],
      ["user", "make a todo list"],
      ["assistant", null],
      ["assistant", "Listed."],
      ["system", "The conversation was compacted."],
      ["assistant", "Summary: the user asked for a tool tour; it is done."],
      ["user", "say hello again"],
      ["assistant", "Hello!"],
      ["user", "The following tool was executed by the user"],
      ["assistant", null],
    ]);
    expect(said[1]?.metadata).toMatchObject({ thinking: true });
    expect(said[16]?.metadata).toMatchObject({ meta: true });
    const tools = await loci.engine.find(toolExecutions, {
      where: { sessionId: tour },
      orderBy: [["startedAt", "up"]],
    });
    expect(tools.map(({ toolName, status, durationMs }) => [toolName, status, durationMs])).toEqual([
      ["bash", "completed", 147],
      ["write", "completed", 48],
      ["read", "completed", expect.any(Number)],
      ["read", "error", 25],
      ["bash", "error", 59],
      ["edit", "completed", expect.any(Number)],
      ["todowrite", "completed", 5],
      ["bash", "completed", 27],
    ]);
    expect(tools[4]).toMatchObject({
      error: "oops\n",
      metadata: { exitCode: 3 },
      input: { command: "echo oops >&2; exit 3" },
    });
    const inherited = await loci.engine.find(modelCalls, { where: { sessionId: fork } });
    expect(inherited.map((call) => call.inherited)).toEqual(Array.from({ length: 10 }, () => true));
  });

  test("keeps the cost that OpenCode worked out, also when a price was set and taken back", async () => {
    await run();
    const cost = async (): Promise<number | undefined> =>
      (await loci.engine.find(sessions, { where: { id: tour } }))[0]?.costUsd;
    const env = { HOME: folder.path, LOCI_HOME: folder.path };
    const context = { env, folder: folder.path, now: Date.now, progress: () => undefined };
    await managePrices.run(loci, { action: "set", model: "fake-model", in: 1_000, out: 1 }, context);
    expect(await cost()).toBeGreaterThan(15);
    await managePrices.run(loci, { action: "unset", model: "fake-model" }, context);
    expect(await cost()).toBeCloseTo(0.016193, 9);
  });

  test("says how its sessions ended, and who is whose sub-agent", async () => {
    await run();
    const rows = new Map((await loci.engine.find(sessions)).map((row) => [row.id, row]));
    expect(rows.get("ses_e0576d2afffesvLrv6fZDUKxDX")).toMatchObject({
      status: "interrupted",
      errorMessage: "Aborted",
    });
    expect(rows.get("ses_e0576bc3dffe3aQ17f3RIWtN5s")).toMatchObject({
      ...{ status: "error", errorMessage: expect.stringContaining("fake invalid request") },
    });
    const child = "ses_e0576dd4dffePGFc7887D3EvGh";
    expect(rows.get(child)).toMatchObject({ agentType: "general", agentId: "general" });
    const [task] = await loci.engine.find(toolExecutions, { where: { toolName: "task" } });
    expect(task?.metadata).toMatchObject({ childSessionId: child });
    const aborted = await loci.engine.find(toolExecutions, {
      where: { sessionId: "ses_e0576d2afffesvLrv6fZDUKxDX" },
    });
    expect(aborted).toMatchObject([{ metadata: { interrupted: true } }]);
    const rejected = await loci.engine.find(toolExecutions, {
      where: { sessionId: "ses_e0576d8fcffeyWt3ugiaJjbL5X" },
    });
    expect(rejected).toMatchObject([
      { status: "error", error: expect.stringContaining("rejected permission") },
    ]);
  });

  test("is left alone: not locked, not written, its log not taken in, while a writer has it open", async () => {
    const before = readdirSync(folder.path).map((name) => [name, statSync(folder.at(name)).size]);
    db.exec("begin immediate");
    await run();
    db.exec("commit");
    expect(readdirSync(folder.path).map((name) => [name, statSync(folder.at(name)).size])).toEqual(before);
  });

  test("is read again only where something changed", async () => {
    const first = await run();
    const facts = async (): Promise<unknown> => [
      await loci.engine.find(rawEvents, { fields: ["id"] }),
      await loci.engine.find(importedFiles, { where: { source: "opencode" }, fields: ["id", "importedAt"] }),
    ];
    const before = await facts();
    expect(await run()).toEqual(first);
    expect(await facts()).toEqual(before);

    const now = 1_795_204_700_000;
    const answer = {
      role: "assistant",
      modelID: "fake-model",
      providerID: "fake",
      cost: 0.5,
      time: { created: now },
    };
    const finished = JSON.stringify({ ...answer, time: { created: now, completed: now + 5 } });
    const add = (table: string, ...values: Array<string | number>): unknown =>
      db.prepare(`insert into ${table} values (${values.map(() => "?").join(",")})`).run(values);
    add("message", "msg_zz", tour, now, now, JSON.stringify(answer));
    add("part", "prt_zz1", "msg_zz", tour, now, now, JSON.stringify({ type: "text", text: "Half an ans" }));
    await run();
    const newest = async (): Promise<unknown> =>
      (await loci.engine.find(messages, { where: { sessionId: tour }, orderBy: [["sequence", "down"]] }))[0]
        ?.content;
    // It is still being written.
    expect(await newest()).toBe(null);
    expect((await loci.engine.find(sessions, { where: { id: tour } }))[0]?.status).toBe("interrupted");

    db.prepare("update part set data = ?, time_updated = ? where id = 'prt_zz1'").run([
      JSON.stringify({ type: "text", text: "Half an answer.", time: { start: now, end: now + 4 } }),
      now + 4,
    ]);
    const tokens = { input: 7, output: 2, reasoning: 1, cache: { read: 0, write: 0 } };
    add(
      "part",
      "prt_zz2",
      "msg_zz",
      tour,
      now,
      now + 5,
      JSON.stringify({ type: "step-finish", tokens, cost: 0.5 }),
    );
    db.prepare("update message set data = ?, time_updated = ? where id = 'msg_zz'").run([finished, now + 5]);
    db.prepare(
      "update session set tokens_input = tokens_input + 107, tokens_output = tokens_output + 2, tokens_reasoning = tokens_reasoning + 1, time_updated = ? where id = ?",
    ).run([now + 5, tour]);
    await run();
    expect(await newest()).toBe("Half an answer.");
    // 100 tokens more than its answers account for: a call that stands nowhere.
    const [session] = await loci.engine.find(sessions, { where: { id: tour } });
    expect(session).toMatchObject({ inputTokens: 15_266, outputTokens: 370, status: "completed" });
    const hidden = (await loci.engine.find(modelCalls, { where: { estimated: true } })).map(
      (call) => call.inputTokens,
    );
    expect(hidden).toEqual([100]);
    const kept = (await raw(tour)).map(({ table, id }) => `${table} ${id}`);
    expect(kept.filter((line) => line === "part prt_zz1")).toHaveLength(2);
    expect(kept.filter((line) => line === "part prt_zz2")).toHaveLength(1);
    expect(await raw(fork)).toHaveLength(1 + 17 + 43);
  });

  test("with odd rows is taken as far as it can be read", async () => {
    const secret = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";
    const deep = `${"[".repeat(5_000)}${"]".repeat(5_000)}`;
    const insert = db.prepare("insert into part values (?, ?, ?, 1, 1, ?)");
    const message = "msg_1fa891da6001kOfm1TN3TjyaOe";
    for (const [number, data] of [
      "{torn",
      "[]",
      '{"type":7,"text":{}}',
      `{"type":"text","text":${JSON.stringify(`nul \u0000 ${secret}`)}}`,
      `{"type":"tool","state":{"input":${deep},"time":7}}`,
    ].entries()) {
      insert.run([`prt_odd${number}`, message, tour, data]);
    }
    db.prepare("insert into part values ('prt_orphan', 'msg_none', ?, 1, 1, '{}')").run([tour]);
    const report = await loci.import([folder.path]);
    expect(report).toMatchObject({ files: 1, sessions: 11, unreadable: 2, lines: 197 });
    const said = (await loci.engine.find(messages)).find(({ content }) => content?.includes("nul \u0000"));
    expect(said?.content).toContain("[redacted:");
    expect(await rawText(tour)).not.toContain("ghp_");
  });

  test("that is none, or is not there, is said", async () => {
    const other = new Database(folder.at("opencode-x.db"));
    other.exec("create table t (a)");
    other.close();
    await expect(loci.import([folder.at("opencode-x.db")])).rejects.toMatchObject({ code: "invalid" });
    const missing = loci.import([join(folder.path, "nope")], { source: "opencode" });
    await expect(missing).rejects.toMatchObject({ code: "not-found", where: join(folder.path, "nope") });
  });
});
