import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { createSessionStore, type SessionStoreEntry, withLoci } from "../../dist/claude-agent-sdk.js";
import { open } from "../../dist/index.js";
import { createRecorder } from "../../dist/record/recorder.js";
import { agents, type Box, box, claudeEnv, model } from "../support/agents.ts";
import { killRuns } from "../support/kills.ts";

// Nothing that is attached may slow, break or change the agent; and what was acknowledged is never lost.

const sdk = join(agents, "@anthropic-ai/claude-agent-sdk");
const tour = "run the tool tour please";
const { kills, timeout } = killRuns(3);

type Message = Record<string, unknown>;
type Query = (asked: { prompt: string; options: object }) => AsyncGenerator<Message, void>;

function optionsIn(
  here: Box,
  env: Record<string, string>,
): { env: Record<string, string> } & Record<string, unknown> {
  const allowedTools = ["Bash", "Read", "Write", "Edit"];
  return { cwd: here.workspace, env, permissionMode: "acceptEdits", allowedTools, settingSources: [] };
}

async function toured(
  query: Query,
  attach: (query: Query) => { query: Query; more: object },
): Promise<Message[]> {
  using here = box();
  const llm = await model("claude-tools", { CWD: here.workspace });
  const env = claudeEnv(here, llm);
  process.env["CLAUDE_CONFIG_DIR"] = env["CLAUDE_CONFIG_DIR"];
  try {
    const attached = attach(query);
    const all: Message[] = [];
    for await (const message of attached.query({
      prompt: tour,
      options: { ...optionsIn(here, env), ...attached.more },
    })) {
      all.push(message);
    }
    return all;
  } finally {
    await llm.close();
  }
}

const shapeOf = (all: readonly Message[]): string[] =>
  all.map(({ type, subtype }) => `${type}:${subtype ?? ""}`);

test("a recorder that throws, and a store that hangs, change nothing and cost no 50 ms", async () => {
  const { query } = (await import(join(sdk, "sdk.mjs"))) as { query: Query };
  const plain = await toured(query, () => ({ query, more: {} }));
  const record = () => {
    throw new Error("no");
  };
  const throwing = await toured(query, () => ({ query: withLoci(query, { record }), more: {} }));
  expect(shapeOf(throwing)).toEqual(shapeOf(plain));

  using here = box();
  await using loci = await open(join(here.folder, "loci.db"));
  const never = () => new Promise<never>(() => undefined);
  const hangs = { engine: loci.engine, ingest: { write: never, settle: never } };
  const more = { durable: never, current: () => true, close: async () => undefined };
  const recorder = createRecorder({
    spool: join(here.folder, "spool"),
    store: { ...hangs, ...more },
    warn: false,
  });
  const store = createSessionStore(loci, { recorder });
  let spent = 0;
  let appends = 0;
  const sessionStore = {
    ...store,
    async append(key: Parameters<typeof store.append>[0], entries: SessionStoreEntry[]) {
      // The processor's time: that of the clock is also other programs'.
      const from = process.cpuUsage();
      const appended = store.append(key, entries);
      const { user, system } = process.cpuUsage(from);
      await appended;
      spent += (user + system) / 1000;
      appends++;
    },
  };
  const hung = await toured(query, () => ({
    query: withLoci(query, store),
    more: { sessionStore, sessionStoreFlush: "eager" },
  }));
  expect(shapeOf(hung)).toEqual(shapeOf(plain));
  expect(appends).toBeGreaterThan(3);
  expect(spent).toBeLessThan(50);
  expect(recorder.tally.written).toBe(0);
});

test(`killed ${kills} times at random, it loses nothing that was acknowledged`, { timeout }, async () => {
  let lines = 0;
  for (let n = 0; n < kills; n++) {
    using here = box();
    const llm = await model("claude-tools", { CWD: here.workspace });
    const [db, ack] = [join(here.folder, "loci.db"), join(here.folder, "ack")];
    const options = optionsIn(here, claudeEnv(here, llm));
    const host = fileURLToPath(new URL("./sdk-host.mjs", import.meta.url));
    const child = spawn(process.execPath, [host, JSON.stringify({ sdk, db, ack, options })], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      env: { ...options.env, LOCI_HOME: here.folder },
      detached: true,
    });
    const gone = once(child, "exit");
    // Somewhere in the tour's messages.
    const last = 3 + Math.floor(Math.random() * 14);
    let seen = 0;
    child.on("message", () => {
      if (++seen === last) process.kill(-(child.pid ?? 0), "SIGKILL");
    });
    await gone;
    await llm.close();
    await using loci = await open(db);
    await loci.recover();
    await using store = createSessionStore(loci, { warn: false });
    const acknowledged = (existsSync(ack) ? readFileSync(ack, "utf8") : "")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
    // Killed before the first line.
    if (acknowledged.length === 0) continue;
    const { key } = acknowledged[0];
    const loaded = (await store.load(key))?.flatMap(({ uuid }) => uuid ?? []) ?? [];
    const wanted = acknowledged.map(({ uuid }: { uuid: string }) => uuid);
    // One more may have been taken in before its acknowledgement was written down.
    expect(loaded.slice(0, wanted.length)).toEqual(wanted);
    expect(new Set(loaded).size).toBe(loaded.length);
    lines += wanted.length;
  }
  expect(lines).toBeGreaterThan(kills * 3);
});
