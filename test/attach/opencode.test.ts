import { readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Happening, type Loci, open, type Recorder } from "../../dist/index.js";
import { messages } from "../../dist/model/message.js";
import { modelCalls } from "../../dist/model/model-call.js";
import { sessions } from "../../dist/model/session.js";
import { toolExecutions } from "../../dist/model/tool-execution.js";
import { type OpencodeRecording, recordOpencode } from "../../dist/opencode.js";
import { type Folder, testFolder } from "../import/support/store.ts";
import { cases, eventsOf, type FakeOpencode, fakeOpencode } from "./support/fake-opencode.ts";

/** Just before the first of the recorded cases. */
const begin = 1_795_204_640_000;
const tour = "ses_e0576f1c5ffehBIhtnGkkrLBiE";
let folder: Folder;
let loci: Loci;
let recorder: Recorder;
let opencode: FakeOpencode;
let recording: OpencodeRecording | undefined;
beforeEach(async () => {
  folder = testFolder();
  loci = await open(folder.at("store.db"));
  recorder = loci.recorder();
  opencode = await fakeOpencode();
});
afterEach(async () => {
  await recording?.close();
  recording = undefined;
  await recorder.close();
  await opencode[Symbol.asyncDispose]();
  await loci.close();
  folder[Symbol.dispose]();
});

interface Options {
  readonly now?: number;
  readonly directory?: string;
  readonly session?: string;
}

async function attach(
  { now = begin, ...options }: Options = {},
  into: Pick<Recorder, "record" | "spool"> = recorder,
): Promise<void> {
  const how = { recorder: into, onProblem: () => undefined, now: () => now, ...options };
  recording = recordOpencode({ url: opencode.url }, how);
  expect(await recording.settled()).toBe(true);
}

type Rows = Record<string, Record<string, unknown>>;

async function rows(store: Loci): Promise<Rows> {
  const all: Rows = {};
  for (const collection of [sessions, messages, toolExecutions, modelCalls] as const) {
    const found = (await store.engine.find(collection as typeof sessions)) as ReadonlyArray<{ id: string }>;
    all[collection.name] = Object.fromEntries(found.map((row) => [row.id, row]));
  }
  return all;
}

/** What an import of the database of the same run makes. */
async function imported(store: Loci): Promise<Rows> {
  const db = new Database(folder.at("opencode.db"));
  db.exec(readFileSync(fileURLToPath(new URL("../fixtures/opencode/opencode.sql", import.meta.url)), "utf8"));
  db.close();
  await store.import([folder.at("opencode.db")], { redact: { off: true } });
  rmSync(folder.at("opencode.db"));
  return rows(store);
}

/** Rows that are in the database, without what comes by events alone. */
const ofDatabase = (all: Rows, like: Rows): Rows =>
  Object.fromEntries(
    Object.entries(like).map(([name, some]) => [
      name,
      Object.fromEntries(Object.keys(some).map((id) => [id, withoutPlace(all[name]?.[id])])),
    ]),
  );

/** A message's number, and a session's counts, tell of the rows beside it. */
function withoutPlace(row: unknown): unknown {
  const {
    sequence: _,
    messageCount: _count,
    errorCount: _errors,
    updatedAt: _at,
    ...rest
  } = (row ?? {}) as Record<string, unknown>;
  return rest;
}

async function expectWhole(): Promise<void> {
  expect(await recording?.settled()).toBe(true);
  expect(await recorder.flush()).toMatchObject({ spooled: 0, dropped: 0 });
  await using other = await open("memory:");
  const like = await imported(other);
  expect(Object.keys(like["tool_executions"] ?? {}).length).toBeGreaterThan(20);
  expect(ofDatabase(await rows(loci), like)).toEqual(ofDatabase(like, like));
}

describe("a server of OpenCode that is recorded", () => {
  test("has in the store what an import of its database makes, while it runs", async () => {
    await attach();
    opencode.play(eventsOf(...cases));
    await expectWhole();
    const before = await rows(loci);
    // And the import that comes later changes nothing.
    expect(await imported(loci)).toEqual(before);
  });

  test("misses nothing where the connection breaks again and again", async () => {
    await attach();
    const events = eventsOf(...cases);
    for (let at = 0; at < events.length; at += 60) {
      opencode.play(events.slice(at, at + 30));
      opencode.drop();
      // Nobody listens: only what the server wrote down is left of it.
      opencode.play(events.slice(at + 30, at + 60));
      await vi.waitFor(() => expect(recording?.connected).toBe(true), { timeout: 20_000, interval: 20 });
    }
    await expectWhole();
  });

  test("misses nothing where the recorder was killed", async () => {
    const events = eventsOf(...cases);
    await attach();
    opencode.play(events.slice(0, 200));
    await vi.waitFor(() => expect(recorder.tally.noted).toBeGreaterThan(20));
    // Killed: it neither catches up nor says how far it was.
    await recording?.close({ timeout: 0 });
    opencode.play(events.slice(200, 400));
    await attach();
    opencode.play(events.slice(400));
    await expectWhole();
  });

  test("is asked for what a session was before we came, and for no other session", async () => {
    opencode.play(eventsOf("tools", "subagent"));
    await attach({ now: begin + 600_000 });
    expect(recorder.tally.noted).toBe(0);
    opencode.play(eventsOf("hello"));
    await vi.waitFor(() => expect(recorder.tally.noted).toBeGreaterThan(30), { timeout: 20_000 });
    await recorder.flush();
    const found = await loci.engine.find(sessions);
    expect(found.map(({ id }) => id)).toEqual([tour]);
    expect(await loci.engine.find(toolExecutions)).toHaveLength(6);
  });

  test("tells retries, permissions and errors, though its database has none of them", async () => {
    await attach();
    opencode.play(eventsOf("permission-reject", "overloaded-once", "bad-request"));
    await recording?.settled();
    await recorder.flush();
    const said = await loci.engine.find(messages, { where: { role: "system" } });
    const told = said.map(({ content, metadata }) => [
      (metadata as Record<string, unknown>)["subtype"],
      content,
    ]);
    expect(told.map(String).sort()).toEqual([
      "error,fake invalid request",
      "permission,A permission was asked for: bash rm -rf ./build",
      "permission,The permission was answered: reject",
      "retry,Provider is overloaded",
    ]);
    const states = (await loci.engine.find(sessions)).map(({ status, errorMessage }) => [
      status,
      errorMessage,
    ]);
    expect(states.map(String).sort()).toEqual(["completed,", "completed,", "error,fake invalid request"]);
  });

  test("has each session running until it is at rest, and cut off where the server is gone", async () => {
    await attach();
    const events = eventsOf("abort");
    const until = events.findIndex(({ type }) => type === "session.error");
    opencode.play(events.slice(0, until));
    await recording?.settled();
    await recorder.flush();
    expect(await loci.engine.find(sessions)).toMatchObject([{ status: "running", endedAt: null }]);
    expect(await loci.engine.find(toolExecutions)).toMatchObject([{ status: "running" }]);
    await opencode[Symbol.asyncDispose]();
    await vi.waitFor(
      async () => expect(await loci.engine.find(sessions)).toMatchObject([{ status: "interrupted" }]),
      { timeout: 20_000 },
    );
    opencode = await fakeOpencode();
  });
});

describe("what is recorded can be chosen", () => {
  test("by folder", async () => {
    await attach({ directory: "/elsewhere" });
    opencode.play(eventsOf("tools"));
    await recording?.settled();
    expect(recorder.tally.noted).toBe(0);
  });

  test("by session, whose sub-agents belong to it", async () => {
    const events = eventsOf("subagent");
    const parent = String(events.find(({ type }) => type === "session.created")?.properties.info?.["id"]);
    await attach({ session: parent });
    opencode.play([...eventsOf("abort"), ...events]);
    await recording?.settled();
    await recorder.flush();
    const found = await loci.engine.find(sessions);
    expect(found.map(({ id }) => id === parent)).toHaveLength(2);
    expect(found.filter(({ parentSessionId }) => parentSessionId === parent)).toHaveLength(1);
  });
});

describe("nothing reaches the host", () => {
  test("where the server hangs, refuses, is none, or is no address", async () => {
    const problems: string[] = [];
    const onProblem = (sentence: string): number => problems.push(sentence);
    opencode.hang(true);
    await using hanging = recordOpencode({ url: opencode.url }, { recorder, onProblem });
    expect(await hanging.settled({ timeout: 200 })).toBe(false);
    await using locked = await fakeOpencode({ password: "secret" });
    await using refused = recordOpencode({ url: locked.url }, { recorder, onProblem });
    expect(await refused.settled({ timeout: 500 })).toBe(false);
    await using allowed = recordOpencode({ url: locked.url, password: "secret" }, { recorder, onProblem });
    expect(await allowed.settled()).toBe(true);
    for (const client of [undefined, {}, { url: "file:///x" }, { url: "no url" }]) {
      await using none = recordOpencode(client, { recorder, onProblem });
      expect(await none.settled({ timeout: 100 })).toBe(false);
    }
    expect(problems.join("\n")).toContain("OpenCode answered 401");
    expect(problems.length).toBe(5);
  });

  test("where the recorder throws, and where events are none", async () => {
    const noted: Happening[] = [];
    const throwing = {
      spool: folder.at("throwing.spool"),
      record(happening: Happening): string {
        noted.push(happening);
        throw new Error("the recorder is broken");
      },
    };
    await attach({}, throwing);
    const odd = [
      null,
      7,
      "x",
      [],
      { type: "x" },
      { type: "message.updated", properties: { info: 3, sessionID: "s" } },
    ];
    for (const value of odd) opencode.send(value);
    opencode.play(eventsOf("hello"));
    opencode.play([
      { id: "evt_1", type: "session.next.thing", properties: { sessionID: tour, deep: [[[]]] } },
    ]);
    expect(await recording?.settled()).toBe(true);
    expect(noted.length).toBeGreaterThan(3);
  });
});
