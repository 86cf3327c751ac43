import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { root, run } from "../support/tools.ts";

const folder = mkdtempSync(join(tmpdir(), "loci-examples-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const env = { PATH: process.env["PATH"], HOME: folder, TMPDIR: folder };
const cli = join(root, "dist/doors/cli/main.js");

/** What each example prints; an example that is not named here fails. */
const printed: Readonly<Record<string, readonly RegExp[]>> = {
  "record.mjs": [/release-bot: 1 tool call, 1 error, \$0\.06975/, /\[payment\] \[gateway\]/, /dropped: 0/],
  "logger.mjs": [/^1 2 Read$/m],
  "hub-and-spoke.mjs": [
    /^worker-1-run completed$/m,
    /^worker-2-run completed$/m,
    /^worker-1 ok 0$/m,
    /^worker-2 ok 0$/m,
  ],
};

describe("the examples", () => {
  const programs = readdirSync(join(root, "examples")).filter((name) => name.endsWith(".mjs"));

  it("are all run here", () => {
    expect(programs.toSorted()).toEqual(Object.keys(printed).toSorted());
  });

  it.each(programs)("%s prints what it says", async (name) => {
    const turso = { TURSO_DATABASE_URL: `file:${join(folder, "agents.db")}`, TURSO_AUTH_TOKEN: "none" };
    const ran = await run(process.execPath, [join(root, "examples", name)], {
      cwd: folder,
      env: { ...env, ...turso },
    });
    expect(ran.stderr).toBe("");
    for (const line of printed[name] ?? []) expect(ran.stdout).toMatch(line);
    expect(ran.code).toBe(0);
  });

  it("logger.mjs has no effect, and no error, without configuration", async () => {
    const home = mkdtempSync(join(folder, "off-"));
    const example = join(root, "examples/logger.mjs");
    const ran = await run(process.execPath, [example], {
      cwd: home,
      env: { ...env, HOME: home, TMPDIR: home },
    });
    expect(ran).toMatchObject({ code: 0, stderr: "", stdout: "0 0 off\n" });
    expect(readdirSync(home)).toEqual([]);
  });

  it("failed-tools.sql answers over the samples", async () => {
    const store = ["--db", join(folder, "samples.db")];
    await run(process.execPath, [cli, "import", join(root, "samples"), ...store], { cwd: folder, env });
    const query = ["sql", "--file", join(root, "examples/failed-tools.sql"), "--json"];
    const ran = await run(process.execPath, [cli, ...query, ...store], { cwd: folder, env });
    const answer = JSON.parse(ran.stdout);
    expect(answer.columns).toEqual(["tool_name", "calls", "errors", "mean_ms"]);
    expect(answer.rows.length).toBeGreaterThan(3);
  });
});
