import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "libsql";
import { expect, test } from "vitest";
import { open } from "../../dist/index.js";
import { testFolder } from "./support/store.ts";

test("what a machine has is found where each program keeps it, and said", async () => {
  using folder = testFolder();
  await using loci = await open("memory:");
  const home = folder.at("home");
  const kept = { ...process.env };
  for (const name of ["CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME", "XDG_DATA_HOME", "OPENCODE_DB"]) {
    delete process.env[name];
  }
  process.env["HOME"] = home;
  try {
    await expect(loci.import()).rejects.toMatchObject({
      code: "not-found",
      where: expect.stringMatching(
        /\.claude\/projects.*\.codex\/sessions.*\.gemini\/tmp.*opencode\/opencode\.db/,
      ),
    });
    const fixtures = fileURLToPath(new URL("../fixtures/", import.meta.url));
    mkdirSync(join(home, ".local", "share", "opencode"), { recursive: true });
    cpSync(join(fixtures, "codex"), join(home, ".codex", "sessions", "2026"), { recursive: true });
    cpSync(join(fixtures, "gemini"), join(home, ".gemini", "tmp", "workspace", "chats"), { recursive: true });
    const db = new Database(join(home, ".local", "share", "opencode", "opencode.db"));
    db.exec(readFileSync(join(fixtures, "opencode", "opencode.sql"), "utf8"));
    db.close();
    const report = await loci.import();
    expect(report).toMatchObject({ files: 4, sessions: 14, problems: [] });
    expect(report.sources.map(({ source, files }) => [source, files])).toEqual([
      ["claude-code", 0],
      ["codex", 2],
      ["gemini", 1],
      ["opencode", 1],
    ]);
    // One program's trouble does not keep the others from being read.
    writeFileSync(
      join(home, ".local", "share", "opencode", "opencode.db"),
      "not a database, not at all".repeat(40),
    );
    const rest = await loci.import();
    expect(rest).toMatchObject({ files: 4, sessions: 3 });
    expect(rest.problems).toMatchObject([{ path: join(home, ".local", "share", "opencode", "opencode.db") }]);
    rmSync(join(home, ".local"), { recursive: true });
    process.env["XDG_DATA_HOME"] = join(home, "data");
    const only = await loci.import(undefined, { source: "codex" });
    expect(only.sources).toMatchObject([{ source: "codex", files: 2 }]);
    process.env["CODEX_HOME"] = join(home, "elsewhere");
    await expect(loci.import(undefined, { source: "codex" })).rejects.toMatchObject({
      where: `${join(home, "elsewhere", "sessions")}, ${join(home, "elsewhere", "archived_sessions")}`,
    });
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in kept)) delete process.env[name];
    Object.assign(process.env, kept);
  }
});
