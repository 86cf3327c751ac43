import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { type Ran, root, run, tool } from "../support/tools.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** Runs one file of tests under our own configuration; answers the last line and the exit code. */
async function runTests(
  body: string,
  strict = false,
  more: NodeJS.ProcessEnv = {},
): Promise<{ last: string; code: number; ran: Ran }> {
  const folder = mkdtempSync(join(tmpdir(), "loci-reporter-"));
  folders.push(folder);
  mkdirSync(join(folder, "test"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "test/a.test.ts"), `import { expect, test } from "vitest";\n${body}\n`);
  const env: NodeJS.ProcessEnv = { ...process.env, LOCI_TEST_STRICT: strict ? "1" : "0", NO_COLOR: "1" };
  delete env["VITEST"];
  delete env["LOCI_TEST_COUNT"];
  Object.assign(env, more);
  const args = ["run", "--root", folder, "--config", join(root, "vitest.config.ts")];
  const ran = await run(tool("vitest"), args, { env });
  return { last: ran.stdout.trimEnd().split("\n").at(-1) ?? "", code: ran.code, ran };
}

test("the last line counts what passed and what failed, and the exit code says the same", async () => {
  const good = 'test("a", () => {}); test("b", () => {});';
  expect(await runTests(good)).toMatchObject({ last: "2 passed, 0 failed", code: 0 });
  expect(await runTests(`${good} test("c", () => { expect(1).toBe(2); });`)).toMatchObject({
    last: "2 passed, 1 failed",
    code: 1,
  });
});

test("a file that does not load, and an error outside of the tests, are failures", async () => {
  expect(await runTests('throw new Error("no");')).toMatchObject({ last: "0 passed, 1 failed", code: 1 });
  const late =
    'test("a", () => { setTimeout(() => { throw new Error("late"); }); return new Promise((done) => setTimeout(done, 50)); });';
  expect(await runTests(late)).toMatchObject({ last: "1 passed, 1 failed", code: 1 });
});

test("a run without a test fails", async () => {
  expect(await runTests('test.skip("a", () => {});')).toMatchObject({ last: "0 passed, 0 failed", code: 1 });
});

test("a skipped test says why, and fails a strict run", async () => {
  const skipping = 'test("a", () => {}); test("b", (context) => { context.skip("no server here"); });';
  const lax = await runTests(skipping);
  expect(lax).toMatchObject({ last: "1 passed, 0 failed", code: 0 });
  expect(lax.ran.stdout).toContain("skipped: b: no server here");
  expect(await runTests(skipping, true)).toMatchObject({ last: "1 passed, 0 failed", code: 1 });
});

test("several runs that share a file are counted together, and a failure of the first fails the last", async () => {
  const folder = mkdtempSync(join(tmpdir(), "loci-count-"));
  folders.push(folder);
  const count = { LOCI_TEST_COUNT: join(folder, "count.json") };
  const bad = 'test("a", () => {}); test("b", () => { throw new Error("no"); });';
  expect(await runTests(bad, false, count)).toMatchObject({ last: "1 passed, 1 failed", code: 1 });
  expect(await runTests('test("c", () => {});', false, count)).toMatchObject({
    last: "2 passed, 1 failed",
    code: 1,
  });
});
