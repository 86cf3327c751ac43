import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { needs } from "../support/needs.ts";
import { hasTerminal, main, makeWorld, terminalReason, type World } from "./world.ts";

const samples = fileURLToPath(new URL("../../samples/projects/", import.meta.url));
let world: World;

beforeEach(() => {
  world = makeWorld();
});

afterEach(() => world.end());

function leaveHistory(): string {
  const folder = join(world.home, ".claude", "projects");
  cpSync(samples, folder, { recursive: true });
  return folder;
}

/** Where we look, below the home folder. */
const places = [
  ".claude/projects",
  ".codex/sessions",
  ".codex/archived_sessions",
  ".gemini/tmp",
  ".local/share/opencode/opencode.db",
];

const counts = {
  v: 1,
  files: 6,
  lines: 2164,
  unreadable: 0,
  sessions: 6,
  messages: expect.any(Number),
  toolExecutions: 251,
  modelCalls: 183,
  rawEvents: 2164,
  remembered: 0,
};

describe("loci alone", () => {
  test("reads what Claude Code left, and shows the week, the sessions and what to try next", async () => {
    leaveHistory();
    const { code, stdout, stderr } = await world.loci(["--format", "table"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\n7 DAYS TO 2026-02-12 {3}\$\d+\.\d\d {3}3 sessions/);
    expect(stdout).toContain("Thu ███");
    expect(stdout).toMatch(/start phoenix in background.* d6e0\n/);
    expect(stderr).toContain("~/.claude/projects: 6 files, 3.9 MB · nothing leaves this machine");
    expect(stderr).toContain("loci show fa81");
    expect(await world.loci(["--json"]).then(({ stdout: text }) => JSON.parse(text))).toMatchObject({
      v: 1,
      sessions: 3,
      period: { past: true },
      items: [{ agents: { count: 3 } }, {}, {}],
      more: 0,
    });
  });

  test("without history says where it looked, and with --or-samples shows samples in a store of their own", async () => {
    const nothing = await world.loci([]);
    expect(nothing.code).toBe(0);
    expect(nothing.stderr).toBe(
      `No agent history was found in ${places.map((place) => join(world.home, place)).join(", ")}.\nElsewhere? loci import PATH. To see what it looks like: loci demo\n`,
    );
    const shown = await world.loci(["--or-samples", "--format", "table"]);
    expect(shown.stdout).toContain("start phoenix in background");
    expect(shown.stderr).toContain("Sample sessions, from a public repository; yours are not touched.");
    expect(shown.stderr).toContain("loci --db ~/.loci/demo.db show fa81");
    expect(JSON.parse((await world.loci(["ls", "--json"])).stdout)).toMatchObject({ items: [] });
  });

  test("in a pipe answers the newest sessions as rows", async () => {
    leaveHistory();
    const rows = (await world.loci([])).stdout.trimEnd().split("\n");
    expect(rows).toHaveLength(4);
    expect(rows[0]).toMatch(/^id\tparentId\t/);
  });

  test("warns of files that Claude Code is about to remove, once", async () => {
    const folder = leaveHistory();
    const old = new Date(Date.now() - 28 * 86_400_000);
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      if (name.endsWith(".jsonl")) utimesSync(join(folder, name), old, old);
    }
    expect((await world.loci([])).stderr).toContain("within 7 days; what they hold stays here.");
    expect((await world.loci([])).stderr).not.toContain("within 7 days");
  });

  test("on a terminal ends with the whole picture in place of the first list", async (context) => {
    needs(context, hasTerminal, terminalReason);
    leaveHistory();
    const { stdout, code } = await world.screen([], { columns: 80, env: { NO_COLOR: "1" } });
    expect(code).toBe(0);
    expect(stdout).toContain("7 DAYS TO 2026-02-12");
    expect(stdout.lastIndexOf("WHEN")).toBeGreaterThan(stdout.indexOf("7 DAYS TO"));
  });
});

describe("import", () => {
  test("answers what stands in the store, and twice the same", async () => {
    const once = JSON.parse((await world.loci(["import", samples, "--json"])).stdout) as object;
    expect(once).toEqual({ ...counts, sources: [], problems: [] });
    expect(JSON.parse((await world.loci(["import", samples, "--json"])).stdout)).toEqual(once);
    expect((await world.loci(["search", "phoenix", "--json"])).stdout).toContain('"sessionId":"d6e0');
  });

  test("tells of what could not be taken, and with --strict leaves with 7", async () => {
    const file = join(world.home, "odd.jsonl");
    writeFileSync(
      file,
      '{"kind":"session","id":"odd-session","agentType":"x","startedAt":"2026-01-01T00:00:00Z"}\n{"kind":"message","sessionId":"odd-session"}\nno json\n',
    );
    const lax = await world.loci(["import", file, "--source", "loci", "--json"]);
    expect(lax.code).toBe(0);
    expect((JSON.parse(lax.stdout) as { problems: unknown[] }).problems.length).toBeGreaterThan(0);
    const strict = await world.loci(["import", file, "--source", "loci", "--strict"]);
    expect(strict.code).toBe(7);
    // Also where nobody looks at stdout: the problems are no data.
    expect(strict.stderr).toContain(`${file}:2: `);
    expect(strict.stdout).not.toContain(file);
  });

  test("takes the values of .env for secrets", async () => {
    const file = join(world.home, "s.jsonl");
    writeFileSync(join(world.home, ".env"), "PLAIN_LOOKING=correct4horse8battery\n");
    writeFileSync(
      file,
      '{"kind":"session","id":"env-session","agentType":"x"}\n{"kind":"message","sessionId":"env-session","role":"user","content":"it is correct4horse8battery"}\n',
    );
    await world.loci(["import", file]);
    const { stdout } = await world.loci(["show", "env-session", "--json"]);
    expect(stdout).toContain("it is [redacted");
    expect(stdout).not.toContain("correct4horse8battery");
  });

  test("that is stopped by Ctrl-C leaves with 130, and the same command goes on", async () => {
    const folder = join(world.home, "many");
    mkdirSync(folder);
    const name = "fa812bfe-b295-4cca-9c2f-fdf01028cb46";
    const text = readFileSync(join(samples, "-workspace-spotter", `${name}.jsonl`), "utf8");
    const ids = Array.from({ length: 12 }, (_, at) => name.replace("fa812bfe", `${at}`.padStart(8, "a")));
    for (const id of ids) writeFileSync(join(folder, `${id}.jsonl`), text.replaceAll(name, id));

    const child = spawn(process.execPath, [main, "import", folder], {
      env: { PATH: process.env["PATH"] ?? "", HOME: world.home },
    });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const ended = new Promise((done) => child.on("close", done));
    // Stopped when something of it stands in the store, and not all.
    for (;;) {
      const wal = statSync(`${world.store}-wal`, { throwIfNoEntry: false });
      if ((wal?.size ?? 0) > 400_000) break;
      await new Promise((done) => setTimeout(done, 5));
    }
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(stderr).toBe("Stopped. What was read is kept: continue with the same command.\n");

    expect((await world.loci(["doctor", "--json"])).code).toBe(0);
    const again = await world.loci(["import", folder, "--json"]);
    expect(JSON.parse(again.stdout)).toMatchObject({ files: 12, sessions: 12, lines: 12 * 1881 });
  }, 120_000);
});

describe("export", () => {
  test("gives back each transcript byte for byte when it was imported without redaction", async () => {
    await world.loci(["import", samples, "--redact", "off"]);
    const file = join(samples, "-workspace-spotter", "fa812bfe-b295-4cca-9c2f-fdf01028cb46.jsonl");
    expect((await world.loci(["export", "fa81", "--raw"])).stdout).toBe(readFileSync(file, "utf8"));
    const { stdout, code } = await world.loci(["export", "--raw", "-o", "back", "--json"]);
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as { files: string[] }).files).toHaveLength(6);
  });

  test("and import again are the same", async () => {
    await world.loci(["import", samples]);
    const first = join(world.home, "first.jsonl");
    expect(JSON.parse((await world.loci(["export", "-o", first, "--json"])).stdout)).toMatchObject({
      v: 1,
      files: [first],
    });
    expect(statSync(first).mode & 0o777).toBe(0o600);
    await world.loci(["import", first, "--db", "other.db", "--redact", "off"]);
    const { stdout } = await world.loci(["export", "--db", "other.db"]);
    expect(stdout).toBe(readFileSync(first, "utf8"));
    const of = async (...db: string[]): Promise<unknown> =>
      JSON.parse((await world.loci(["ls", "--all", "--json", ...db])).stdout);
    expect(await of("--db", "other.db")).toEqual(await of());
  });

  test("of one session brings its sub-agents", async () => {
    await world.loci(["import", samples]);
    const { stdout } = await world.loci(["export", "fa81"]);
    expect(stdout.split("\n").filter((line) => line.startsWith('{"kind":"session"'))).toHaveLength(4);
  });
});

describe("search", () => {
  test("answers what the contract says", async () => {
    await world.loci(["import", samples]);
    const { stdout } = await world.loci([
      "search",
      "how does the phoenix server start",
      "--limit",
      "3",
      "--json",
    ]);
    const answer = JSON.parse(stdout) as { items: Array<Record<string, unknown>>; next: string };
    expect(answer).toMatchObject({ v: 1, behind: 0, next: expect.any(String) });
    expect(answer.items).toHaveLength(3);
    expect(answer.items[0]).toMatchObject({
      sessionId: expect.any(String),
      messageId: expect.any(String),
      sequence: expect.any(Number),
      role: expect.any(String),
      score: expect.any(Number),
      snippet: expect.stringContaining("["),
    });
    const second = await world.loci([
      "search",
      "how does the phoenix server start",
      "--limit",
      "3",
      "--json",
      "--after",
      answer.next,
    ]);
    const more = JSON.parse(second.stdout) as { items: Array<Record<string, unknown>> };
    const keys = [...answer.items, ...more.items].map(
      ({ sessionId, sequence }) => `${String(sessionId)}#${String(sequence)}`,
    );
    expect(new Set(keys).size).toBe(6);
    const project = await world.loci(["search", "phoenix", "--project", "nowhere", "--json"]);
    expect(JSON.parse(project.stdout)).toMatchObject({ items: [], next: null });
  });

  test("finds its way back: what it names can be shown", async (context) => {
    needs(context, hasTerminal, terminalReason);
    await world.loci(["import", samples]);
    const { stdout } = await world.screen(["search", "mix phx.server"], {
      columns: 100,
      env: { NO_COLOR: "1" },
    });
    const places = [...stdout.matchAll(/^(\S+#\d+) {2}/gm)].map(([, place]) => place ?? "");
    expect(places.length).toBeGreaterThan(3);
    for (const place of places.slice(0, 4)) {
      expect(
        (await world.loci(["show", place, "--around", "0", "--format", "table"])).stdout.split("\n").length,
      ).toBeGreaterThan(5);
    }
  });
});
