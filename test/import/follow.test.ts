import { appendFileSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Following, type Loci, open } from "../../dist/index.js";
import { messages } from "../../dist/model/message.js";
import { importedFiles } from "../../dist/model/raw-event.js";
import { sessions } from "../../dist/model/session.js";
import { exportLines } from "../../dist/record/export.js";
import { type Folder, testFolder } from "./support/store.ts";

const fixture = (name: string): string[] =>
  readFileSync(fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url)), "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => `${line}\n`);

const rollout = fixture("codex/codex-rollout-tools.jsonl");
const chat = fixture("gemini/gemini-chat-session.jsonl");
const claude = fixture("claude-code/claude-code-transcript-tools.jsonl");
const rolloutName = "rollout-2026-11-20T20-12-48-01a1fa82-f881-79f2-b828-b3b69595972b.jsonl";

let home: Folder;
let loci: Loci;
let following: Following | undefined;
let heard: string[][];
beforeEach(async () => {
  home = testFolder();
  loci = await open("memory:");
  heard = [];
});
afterEach(async () => {
  await following?.close();
  following = undefined;
  await loci.close();
  home[Symbol.dispose]();
});

async function follow(options: Parameters<Loci["follow"]>[0] = {}): Promise<Following> {
  const env = {
    CLAUDE_CONFIG_DIR: home.at("claude"),
    CODEX_HOME: home.at("codex"),
    GEMINI_CLI_HOME: home.path,
    XDG_DATA_HOME: home.at("data"),
  };
  following = await loci.follow({ env, onImported: (ids) => void heard.push([...ids]), ...options });
  return following;
}

function place(...names: string[]): string {
  mkdirSync(home.at(...names.slice(0, -1)), { recursive: true });
  return home.at(...names);
}

/** Everything that is stored, as lines; the same from an import of the finished files. */
async function stored(store: Loci): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of exportLines(store.engine)) lines.push(line);
  return lines;
}

const count = async (): Promise<number> => (await loci.engine.find(messages)).length;

describe("what an agent appends to its files", () => {
  test("is in the store soon after, though its folder was not there at the begin, and equals an import", async () => {
    await follow();
    const file = place("codex", "sessions", "2026", "11", "20", rolloutName);
    writeFileSync(file, "");
    let at = 0;
    // A line at a time, and half a line: it waits for its end.
    for (const line of rollout) {
      appendFileSync(file, line.slice(0, 40));
      appendFileSync(file, line.slice(40));
      at++;
      if (at % 9 === 0) await vi.waitFor(() => expect(heard.length).toBeGreaterThan(0), { timeout: 40_000 });
    }
    await vi.waitFor(async () => expect(await count()).toBe(10), { timeout: 40_000 });
    await following?.settled();
    await using whole = await open("memory:");
    await whole.import([home.at("codex")]);
    expect(await stored(loci)).toEqual(await stored(whole));
    expect((await loci.search("look first")).items.length).toBeGreaterThan(0);
  });

  test("of Gemini too, where a later line replaces an earlier one", async () => {
    const file = place(".gemini", "tmp", "workspace", "chats", "session-2026-11-20T20-13-d1d1.jsonl");
    const live = await follow();
    for (const line of chat) {
      appendFileSync(file, line);
      await live.settled();
    }
    await using whole = await open("memory:");
    await whole.import([home.at(".gemini")]);
    expect((await stored(loci)).length).toBeGreaterThan(5);
    expect(await stored(loci)).toEqual(await stored(whole));
  });

  test("and of Claude Code, resumed in an old file", async () => {
    const file = place("claude", "projects", "-workspace", "692d5b87-8e15-4a16-9c9b-53298f57d8ea.jsonl");
    writeFileSync(file, claude.slice(0, 20).join(""));
    utimesSync(file, 1_700_000_000, 1_700_000_000);
    const live = await follow();
    await live.settled();
    // Old files are left to an import, until they grow.
    expect(await loci.engine.find(sessions)).toEqual([]);
    appendFileSync(file, claude.slice(20).join(""));
    await vi.waitFor(async () => expect(await loci.engine.find(sessions)).toHaveLength(1), {
      timeout: 10_000,
    });
    await live.settled();
    await using whole = await open("memory:");
    await whole.import([home.at("claude")]);
    expect(await stored(loci)).toEqual(await stored(whole));
  });
});

const id = "692d5b87-8e15-4a16-9c9b-53298f57d8ea";
/** Claude Code's list of prompts names sessions, and is none. */
const prompts = `{"display":"hi","pastedContents":{},"timestamp":1795908318172,"project":"/x","sessionId":"${id}"}\n`;

describe("a file beside the sessions", () => {
  test("is not looked at, also while their folder is not there yet", async () => {
    const list = place("claude", "history.jsonl");
    const live = await follow();
    writeFileSync(list, prompts);
    const file = place("claude", "projects", "-workspace", `${id}.jsonl`);
    writeFileSync(file, claude.join(""));
    appendFileSync(list, prompts);
    await vi.waitFor(async () => expect(await loci.engine.find(sessions)).toHaveLength(1), {
      timeout: 10_000,
    });
    await live.settled();
    expect(await loci.engine.find(importedFiles)).toMatchObject([{ id, path: file }]);
    expect(await loci.engine.find(sessions)).toMatchObject([{ id, messageCount: await count() }]);
  });

  test("is not read where only the one is followed", async () => {
    const file = place("here", `${id}.jsonl`);
    writeFileSync(file, claude.slice(0, 20).join(""));
    const live = await follow({ paths: [file] });
    await live.settled();
    writeFileSync(place("here", rolloutName), rollout.join(""));
    appendFileSync(file, claude.slice(20).join(""));
    await vi.waitFor(async () => expect(await count()).toBeGreaterThan(5), { timeout: 10_000 });
    await live.settled();
    expect(await loci.engine.find(importedFiles)).toMatchObject([{ id, path: file }]);
  });

  test("takes no session's place where it is imported before", async () => {
    const list = place("claude", "history.jsonl");
    writeFileSync(list, prompts);
    await loci.import([list]);
    const file = place("claude", "projects", "-workspace", `${id}.jsonl`);
    writeFileSync(file, claude.join(""));
    await loci.import([home.at("claude")]);
    const found = await loci.engine.find(importedFiles, { where: { id } });
    expect(found).toMatchObject([{ path: file }]);
    expect(await loci.engine.find(sessions)).toMatchObject([{ id, messageCount: await count() }]);
  });
});

describe("OpenCode's database", () => {
  test("is read again when its log grew", async () => {
    const db = new Database(place("data", "opencode", "opencode.db"));
    try {
      db.exec("pragma journal_mode=wal");
      db.exec(
        readFileSync(fileURLToPath(new URL("../fixtures/opencode/opencode.sql", import.meta.url)), "utf8"),
      );
      const live = await follow();
      await live.settled();
      expect(await loci.engine.find(sessions)).toHaveLength(11);
      const id = "ses_e0576f1c5ffehBIhtnGkkrLBiE";
      db.exec(`update session set title = 'Renamed', time_updated = time_updated + 1 where id = '${id}'`);
      await vi.waitFor(
        async () =>
          expect(await loci.engine.find(sessions, { where: { id } })).toMatchObject([{ title: "Renamed" }]),
        { timeout: 40_000 },
      );
      expect(heard.at(-1)).toEqual([id]);
    } finally {
      db.close();
    }
  });
});

describe("a follower", () => {
  test("of one program looks at nothing else", async () => {
    writeFileSync(place("codex", "sessions", rolloutName), rollout.join(""));
    writeFileSync(place(".gemini", "tmp", "workspace", "chats", "session-1.jsonl"), chat.join(""));
    await (await follow({ sources: ["gemini"] })).settled();
    expect((await loci.engine.find(sessions)).map(({ source }) => source)).toEqual(["gemini"]);
  });

  test("tells of a file that is none, once, and goes on", async () => {
    const problems: string[] = [];
    const live = await follow({ onProblem: (sentence) => problems.push(sentence) });
    writeFileSync(place("data", "opencode", "opencode.db"), "no database");
    await live.settled();
    await live.settled();
    expect(problems).toEqual([expect.stringContaining("no SQLite database")]);
    writeFileSync(place("codex", "sessions", rolloutName), rollout.join(""));
    await live.settled();
    expect(await loci.engine.find(sessions)).toHaveLength(1);
  });

  test("that is closed twice has ended once", async () => {
    const live = await follow();
    await Promise.all([live.close(), live.close()]);
    await live.settled();
  });
});
