import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { createSessionStore, type SessionStoreEntry } from "../../dist/claude-agent-sdk.js";
import { type Loci, open } from "../../dist/index.js";
import { exportLines } from "../../dist/record/export.js";
import { world } from "../record/world.ts";

const transcripts = fileURLToPath(new URL("../fixtures/claude-code/claude-code-projects", import.meta.url));

function entriesOf(path: string): SessionStoreEntry[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line): SessionStoreEntry => JSON.parse(line))
    .filter(({ type }) => !type.startsWith("api-request"));
}

/** Every row that is not raw, by kind and id. */
async function rowsOf(loci: Loci): Promise<unknown[]> {
  const rows: unknown[] = [];
  for await (const line of exportLines(loci.engine)) rows.push(JSON.parse(line));
  return rows;
}

describe("a transcript that the SDK appends", () => {
  const project = join(transcripts, "-workspace");
  const files = readdirSync(project, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".jsonl"),
  );

  async function appendAll(loci: Loci): Promise<void> {
    await using store = createSessionStore(loci, { warn: false, redact: false });
    // The last line of the session counts its sub-agents, too.
    for (const name of files.toSorted((one, other) => other.length - one.length)) {
      const [sessionId = "", ...below] = name.replace(/\.jsonl$/, "").split("/");
      const key = {
        projectKey: "-workspace",
        sessionId,
        ...(below.length > 0 ? { subpath: below.join("/") } : {}),
      };
      const meta = join(project, name.replace(/\.jsonl$/, ".meta.json"));
      const isPart = statSync(meta, { throwIfNoEntry: false }) !== undefined;
      const first = isPart ? [{ type: "agent_metadata", ...JSON.parse(readFileSync(meta, "utf8")) }] : [];
      const entries = [...first, ...entriesOf(join(project, name))];
      for (let start = 0, size = 1; start < entries.length; start += size, size += 3) {
        await store.append(key, entries.slice(start, start + size));
        if (size % 2 === 0) await store.recorder.flush();
      }
    }
  }

  test("makes the rows that an import of the file makes, and importing it then changes nothing", async () => {
    using here = world();
    await using imported = await open(join(here.folder, "imported.db"));
    await imported.import([transcripts], { redact: { off: true } });
    await using loci = await open(here.db);
    await appendAll(loci);
    const appended = await rowsOf(loci);
    expect(files.length).toBeGreaterThanOrEqual(4);
    expect(appended.length).toBeGreaterThan(40);
    expect(appended).toEqual(await rowsOf(imported));
    const report = await loci.import([transcripts], { redact: { off: true } });
    expect(report.problems).toEqual([]);
    expect(await rowsOf(loci)).toEqual(appended);
  });

  test("is loaded as it was, from what was appended and from what was imported", async () => {
    using here = world();
    await using loci = await open(here.db);
    await loci.import([transcripts], { redact: { off: true } });
    await using store = createSessionStore(loci, { warn: false });
    const main = files.find((name) => name.startsWith("4961b669") && !name.includes("/")) ?? "";
    const key = { projectKey: "-workspace", sessionId: main.replace(/\.jsonl$/, "") };
    const entries = entriesOf(join(project, main));
    expect(await store.load(key)).toEqual(entries);
    expect((await store.listSessions("-workspace")).map(({ sessionId }) => sessionId)).toContain(
      key.sessionId,
    );
    const [subpath = ""] = await store.listSubkeys(key);
    expect(subpath).toMatch(/^subagents\/agent-/);
    expect((await store.load({ ...key, subpath }))?.at(-1)).toMatchObject({ type: "agent_metadata" });
    const more = { type: "user", uuid: "more", timestamp: "2026-11-21T10:00:00.000Z" };
    await store.append(key, [...entries, more]);
    await store.recorder.flush();
    const plain = entries.filter(({ uuid }) => uuid !== undefined);
    const loaded = await store.load(key);
    expect(loaded?.filter(({ uuid }) => uuid !== undefined)).toEqual([...plain, more]);
  });
});

describe("a session store", () => {
  const key = { projectKey: "-work", sessionId: "0a7e5c1e-0000-4000-8000-00000000000a" };

  test("is not slowed by a store that hangs, and loads what the spool holds when that is all", async () => {
    using here = world();
    await using real = await open(here.db);
    const never = () => new Promise<never>(() => undefined);
    const hanging = { ...real, engine: { ...real.engine, find: never } } as unknown as Loci;
    const recorder = real.recorder({ drain: false, warn: false });
    const store = createSessionStore(hanging, { recorder, loadTimeout: 100 });
    const entries = Array.from({ length: 200 }, (_, n) => ({
      type: "user",
      uuid: `u${n}`,
      parentUuid: n === 0 ? null : `u${n - 1}`,
      text: "x".repeat(1_000),
    }));
    const from = performance.now();
    await store.append(key, entries);
    expect(performance.now() - from).toBeLessThan(500);
    expect(await store.load(key)).toEqual(entries);
    await expect(store.load({ ...key, sessionId: "another" })).rejects.toMatchObject({ code: "unreachable" });
    await recorder.close({ timeout: 1 });
  });

  test("says so when the spool takes nothing", async () => {
    using here = world();
    await using loci = await open(here.db);
    const store = createSessionStore(loci, { warn: false });
    await store.close();
    await expect(store.append(key, [{ type: "user" }])).rejects.toThrow(/closed/);
    await expect(store.append({ ...key, subpath: "" }, [])).rejects.toMatchObject({ code: "invalid" });
  });

  test("has what a killed process acknowledged, in its place before what came since", async () => {
    using here = world();
    mkdirSync(here.folder, { recursive: true });
    const script = `
      import { open } from ${JSON.stringify(new URL("../../dist/index.js", import.meta.url).href)};
      import { createSessionStore } from ${JSON.stringify(new URL("../../dist/claude-agent-sdk.js", import.meta.url).href)};
      const loci = await open(${JSON.stringify(here.db)});
      const store = createSessionStore(loci, { recorder: loci.recorder({ drain: false }) });
      for (let n = 0; n < 20; n++) await store.append(${JSON.stringify(key)}, [{ type: "user", uuid: "a" + n }]);
      process.kill(process.pid, "SIGKILL");
    `;
    expect(spawnSync(process.execPath, ["--input-type=module", "-e", script]).signal).toBe("SIGKILL");
    await using loci = await open(here.db);
    await using store = createSessionStore(loci, { warn: false });
    const first = Array.from({ length: 20 }, (_, n) => ({ type: "user", uuid: `a${n}` }));
    expect(await store.load(key)).toEqual(first);
    const more = [{ type: "user", uuid: "b" }];
    await store.append(key, more);
    await store.recorder.flush();
    expect(await store.load(key)).toEqual([...first, ...more]);
    await loci.recover();
    expect(await store.load(key)).toEqual([...first, ...more]);
  });
});
