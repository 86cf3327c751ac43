import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSessionStore, type SessionStoreEntry, withLoci } from "../../dist/claude-agent-sdk.js";
import { open } from "../../dist/index.js";
import { root } from "../support/tools.ts";
import { makeWorld, type World } from "./world.ts";

// Sessions that no file was imported of: only a session store was given their lines.
const fixtures = join(root, "test/fixtures/claude-code/claude-code-projects/-workspace");
const sessionId = "4961b669-ce56-4d47-acf9-8d2dddc2f228";
const main = join(fixtures, `${sessionId}.jsonl`);
const agents = join(fixtures, sessionId, "subagents");
const projectKey = "-workspace";

let world: World;
beforeEach(() => (world = makeWorld()));
afterEach(() => world.end());

/** The SDK keeps what was asked of the server to itself. */
function linesOf(path: string): string[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.includes('"type":"api-request'));
}

const entriesOf = (path: string): SessionStoreEntry[] =>
  linesOf(path).map((line): SessionStoreEntry => JSON.parse(line));

const metaOf = (name: string): object => JSON.parse(readFileSync(join(agents, `${name}.meta.json`), "utf8"));

const names = readdirSync(agents)
  .filter((name) => name.endsWith(".jsonl"))
  .map((name) => name.replace(/\.jsonl$/, ""));

async function appendAll(): Promise<void> {
  await using loci = await open(world.store);
  await using store = createSessionStore(loci, { redact: false, warn: false });
  const entries = entriesOf(main);
  await store.append({ projectKey, sessionId }, entries.slice(0, 5));
  for (const name of names) {
    const first = { type: "agent_metadata", ...metaOf(name) };
    const key = { projectKey, sessionId, subpath: `subagents/${name}` };
    await store.append(key, [first, ...entriesOf(join(agents, `${name}.jsonl`))]);
  }
  await store.append({ projectKey, sessionId }, entries.slice(5));
}

const resume = (): ReturnType<World["loci"]> =>
  world.loci(["resume", sessionId, "-C", world.home, "--db", world.store, "--json"]);
const folder = (): string =>
  join(world.home, ".claude", "projects", world.home.replace(/[^A-Za-z0-9]/g, "-"));
const put = (): string => join(folder(), `${sessionId}.jsonl`);

describe("loci resume of a session that only a session store was given", () => {
  test("writes its transcript and those of its sub-agents, line by line, where the program finds them", async () => {
    await appendAll();
    const { code, stdout, stderr } = await resume();
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({
      session: sessionId,
      command: ["claude", "--resume", sessionId],
      files: [{ path: put(), state: "written" }, ...names.map(() => ({ state: "written" }))],
    });
    expect(names.length).toBeGreaterThan(0);
    expect(entriesOf(put())).toEqual(entriesOf(main));
    expect(statSync(put()).mode & 0o777).toBe(0o600);
    for (const name of names) {
      const there = join(folder(), sessionId, "subagents", name);
      expect(entriesOf(`${there}.jsonl`)).toEqual(entriesOf(join(agents, `${name}.jsonl`)));
      expect(JSON.parse(readFileSync(`${there}.meta.json`, "utf8"))).toEqual(metaOf(name));
    }
    const again = JSON.parse((await resume()).stdout) as { files: Array<{ state: string }> };
    expect(again.files.map(({ state }) => state)).toEqual(["kept", ...names.map(() => "kept")]);
  });

  test("has what an agent that was killed left in its spool", async () => {
    mkdirSync(join(world.home, ".loci"), { recursive: true });
    const url = (path: string): string => JSON.stringify(pathToFileURL(join(root, path)).href);
    const program = `
      import { readFileSync } from "node:fs";
      import { open } from ${url("dist/index.js")};
      import { createSessionStore } from ${url("dist/claude-agent-sdk.js")};
      const [store, entries] = process.argv.slice(1);
      const sessions = createSessionStore(await open(store), { redact: false, warn: false });
      await sessions.append({ projectKey: "-workspace", sessionId: "${sessionId}" }, JSON.parse(entries));
      process.kill(process.pid, "SIGKILL");`;
    const args = ["--input-type=module", "-e", program, "--", world.store, JSON.stringify(entriesOf(main))];
    const killed = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(killed).toMatchObject({ signal: "SIGKILL", stderr: "" });
    expect((await resume()).code).toBe(0);
    expect(entriesOf(put())).toEqual(entriesOf(main));
  });

  test("refuses one of which only the stream was noted: that is no transcript", async () => {
    async function* query() {
      yield { type: "system", subtype: "init", session_id: sessionId, cwd: world.home };
      yield { type: "result", subtype: "success", is_error: false, session_id: sessionId };
    }
    await using loci = await open(world.store);
    const recorder = loci.recorder();
    for await (const message of withLoci(query, recorder)()) expect(message.session_id).toBe(sessionId);
    await recorder.close();
    const { code, stderr } = await resume();
    expect(code).toBe(3);
    expect(stderr).toContain("No transcript of this session is kept");
    expect(existsSync(put())).toBe(false);
  });
});
