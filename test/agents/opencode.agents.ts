import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, test, type TestContext } from "vitest";
import { type Loci, open, type Recorder } from "../../dist/index.js";
import { rawEvents } from "../../dist/model/raw-event.js";
import { sessions } from "../../dist/model/session.js";
import { toolExecutions } from "../../dist/model/tool-execution.js";
import { recordOpencode } from "../../dist/opencode.js";
import { rowsOf } from "../support/agent-rows.ts";
import { type Box, box, model, opencodeEnv, program } from "../support/agents.ts";
import { killRuns } from "../support/kills.ts";

const { kills, timeout } = killRuns(12);
const tour = "run the tool tour please";
const prompts = [tour, "delegate to a subagent", "say hello", "make a todo list"];

interface Info {
  readonly id: string;
  readonly parentID?: string;
  readonly tokens: {
    input: number;
    output: number;
    reasoning: number;
    cache: { read: number; write: number };
  };
  readonly cost: number;
}

interface Server {
  readonly url: string;
  readonly process: ChildProcess;
  call(path: string, body?: object): Promise<unknown>;
  /** A new session that is asked this, to its end. */
  ask(prompt: string): Promise<string>;
  kill(): Promise<void>;
}

let here: Box;
let llm: Awaited<ReturnType<typeof model>>;
let env: Record<string, string>;
let running: Server[] = [];
let loci: Loci;
beforeEach(async () => {
  here = box();
  llm = await model("opencode-tools", { CWD: here.workspace });
  env = opencodeEnv(here, llm);
  loci = await open(store());
});
afterEach(async () => {
  for (const server of running.splice(0)) await server.kill();
  await loci.close();
  await llm.close();
  here[Symbol.dispose]();
});

const store = (): string => join(here.folder, "store", "loci.db");

async function serve(context: TestContext, cwd: string = here.workspace): Promise<Server> {
  const opencode = program(context, "opencode");
  const args = ["serve", "--port", "0", "--hostname", "127.0.0.1"];
  const child = spawn(opencode, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const url = await listening(child);
  const call = async (path: string, body?: object): Promise<unknown> => {
    const headers = { "content-type": "application/json" };
    const how = body === undefined ? {} : { method: "POST", headers, body: JSON.stringify(body) };
    return (await fetch(url + path, how)).json();
  };
  const server: Server = {
    url,
    process: child,
    call,
    async ask(prompt) {
      const { id } = (await call("/session", {})) as Info;
      await call(`/session/${id}/message`, { parts: [{ type: "text", text: prompt }] });
      return id;
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
  running.push(server);
  return server;
}

function listening(server: ChildProcess): Promise<string> {
  return new Promise((found, fail) => {
    let seen = "";
    const look = (data: Buffer): void => {
      seen += data;
      const url = /listening on (http:\S+)/.exec(seen)?.[1];
      if (url !== undefined) found(url);
    };
    server.stdout?.on("data", look);
    server.stderr?.on("data", look);
    server.once("exit", (code) => fail(new Error(`It ended with ${code}: ${seen.slice(-400)}`)));
  });
}

const database = (): string => join(here.home, ".local/share/opencode/opencode.db");

/** What OpenCode itself counted, by session. */
async function totals(server: Server): Promise<Map<string, readonly number[]>> {
  const infos = (await server.call("/session")) as Info[];
  return new Map(
    infos.map(({ id, tokens, cost }) => [
      id,
      [tokens.input, tokens.output + tokens.reasoning, tokens.cache.read, tokens.cache.write, round(cost)],
    ]),
  );
}

const round = (usd: number): number => Math.round(usd * 1e9) / 1e9;

async function recorded(from: Loci = loci): Promise<Map<string, readonly number[]>> {
  const rows = await from.engine.find(sessions);
  return new Map(
    rows.map((row) => [
      row.id,
      [row.inputTokens, row.outputTokens, row.cacheReadTokens, row.cacheWriteTokens, round(row.costUsd)],
    ]),
  );
}

/** Everything of OpenCode's database stands in the store: an import of it adds nothing and changes nothing. */
async function expectNothingMissing(): Promise<void> {
  const before = await rowsOf(loci);
  await loci.import([database()]);
  expect(await rowsOf(loci)).toEqual(before);
  expect(Object.keys(before["sessions"] ?? {}).length).toBeGreaterThan(0);
}

/** All events that OpenCode wrote down are kept as they are, each once. */
async function expectAllEventsKept(): Promise<void> {
  const db = new Database(database(), { readonly: true });
  const written = db.prepare("select id from event").all() as Array<{ id: string }>;
  db.close();
  const kept = await loci.engine.find(rawEvents, { where: { subpath: "events" } });
  expect(kept.reduce((sum, { lines }) => sum + lines, 0)).toBeGreaterThanOrEqual(written.length);
}

describe("OpenCode's server", () => {
  test("is recorded as it works, to the token and the cent; an import changes nothing", async (context) => {
    const server = await serve(context);
    const recorder = loci.recorder();
    const recording = recordOpencode({ url: server.url }, { recorder });
    expect(await recording.settled({ timeout: 60_000 })).toBe(true);
    for (const prompt of [...prompts, "bad request", "overloaded once"]) await server.ask(prompt);
    expect(await recording.settled({ timeout: 60_000 })).toBe(true);
    await recording.close();
    await recorder.close({ timeout: 60_000 });
    const own = await totals(server);
    expect(own.size).toBe(7);
    expect(await recorded()).toEqual(own);
    await expectAllEventsKept();
    await expectNothingMissing();
  }, 300_000);

  test("loses nothing when the recorder is killed at random", { timeout }, async (context) => {
    const server = await serve(context);
    const child = fileURLToPath(new URL("../support/opencode-child.mjs", import.meta.url));
    for (let round = 0; round < kills; round++) {
      const args = [child, server.url, store()];
      const recorder = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
      await once(recorder.stdout, "data");
      const asked = server.ask(prompts[round % prompts.length] ?? tour);
      await new Promise((done) => setTimeout(done, Math.random() * 800));
      recorder.kill("SIGKILL");
      await once(recorder, "exit");
      await asked;
    }
    await caughtUp(server);
    expect(await recorded()).toEqual(await totals(server));
    await expectAllEventsKept();
    await expectNothingMissing();
  });

  test("loses nothing when it is killed itself, at random", { timeout }, async (context) => {
    for (let round = 0; round < kills; round++) {
      const server = await serve(context);
      const recorder = loci.recorder();
      const recording = recordOpencode({ url: server.url }, { recorder, onProblem: () => undefined });
      expect(await recording.settled({ timeout: 60_000 })).toBe(true);
      const asked = server.ask(tour).catch(() => undefined);
      await new Promise((done) => setTimeout(done, Math.random() * 1500));
      await server.kill();
      await asked;
      await recording.close();
      await recorder.close({ timeout: 60_000 });
    }
    const again = await serve(context);
    await caughtUp(again);
    expect(await recorded()).toEqual(await totals(again));
    await expectAllEventsKept();
    await expectNothingMissing();
  });

  test("is not held up by a store that hangs, nor by a recorder that throws", async (context) => {
    const server = await serve(context);
    await server.ask(tour);
    const plain = await fastest(() => server.ask(tour));
    // The store is locked for as long as this lasts.
    mkdirSync(join(here.folder, "store"), { recursive: true });
    const lock = new Database(store());
    lock.exec("begin immediate");
    const recorder = loci.recorder({ warn: false });
    const recording = recordOpencode({ url: server.url }, { recorder });
    expect(await recording.settled({ timeout: 60_000 })).toBe(true);
    const hanging = await fastest(() => server.ask(tour));
    lock.exec("rollback");
    lock.close();
    await recording.close();
    await recorder.close({ timeout: 60_000 });
    const thrown: unknown[] = [];
    const throwing = {
      spool: join(here.folder, "throwing.spool"),
      record(happening: unknown): string {
        thrown.push(happening);
        throw new Error("the recorder is broken");
      },
    };
    const broken = recordOpencode({ url: server.url }, { recorder: throwing });
    await broken.settled({ timeout: 60_000 });
    const failing = await fastest(() => server.ask(tour));
    await broken.close();
    expect(thrown.length).toBeGreaterThan(10);
    console.log(
      `OpenCode's tour: ${plain} ms, with a store that hangs ${hanging} ms, a recorder that throws ${failing} ms`,
    );
    expect(hanging - plain).toBeLessThan(Math.max(50, plain * 0.5));
    expect(failing - plain).toBeLessThan(Math.max(50, plain * 0.5));
  }, 300_000);

  test("does not mix two of one folder", async (context) => {
    const [one, other] = [await serve(context), await serve(context)];
    const recorder = loci.recorder();
    const recordings = [one, other].map(({ url }) => recordOpencode({ url }, { recorder }));
    for (const recording of recordings) await recording.settled({ timeout: 60_000 });
    const ids = await Promise.all([one.ask(tour), other.ask("delegate to a subagent")]);
    for (const recording of recordings) await recording.close();
    await recorder.close({ timeout: 60_000 });
    const tools = await loci.engine.find(toolExecutions, { where: { sessionId: { anyOf: ids } } });
    expect(tools.filter(({ sessionId }) => sessionId === ids[0])).toHaveLength(6);
    expect(tools.filter(({ sessionId }) => sessionId === ids[1]).map(({ toolName }) => toolName)).toEqual([
      "task",
    ]);
    await expectNothingMissing();
  });
});

/** Records what was missed, by a recorder of this process. */
async function caughtUp(server: Server): Promise<void> {
  // What a killed one left comes first: it is older.
  await loci.recover();
  const recorder: Recorder = loci.recorder();
  const recording = recordOpencode({ url: server.url }, { recorder });
  expect(await recording.settled({ timeout: 60_000 })).toBe(true);
  await recording.close();
  await recorder.close({ timeout: 60_000 });
}

async function fastest(run: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const from = performance.now();
    await run();
    best = Math.min(best, performance.now() - from);
  }
  return Math.round(best);
}
