import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { open } from "../../dist/index.js";
import { filesBelow, type Ran, read, root, run, tool } from "../support/tools.ts";
import { assertion, type Block, blocksOf, notPrinted, withAssertions } from "./blocks.ts";

const pages = ["README.md", "CONTRIBUTING.md", ...filesBelow("docs", ".md")].filter((page) =>
  existsSync(join(root, page)),
);
const blocks = pages.flatMap((page) => blocksOf(page, read(page)));
const programs = blocks.filter(({ language, note }) => language === "ts" && note !== "not run");
const scripts = blocks.filter(
  ({ language, note }) => /^(sh|bash)$/.test(language) && note?.startsWith("run"),
);
const queries = blocks.filter(({ language }) => language === "sql");
const named = (list: readonly Block[]) =>
  list.map((block, i) => ({ at: `${block.page}:${block.line}`, block, i }));

const folder = mkdtempSync(join(tmpdir(), "loci-docs-"));
let compiled: Ran;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A machine where nothing was ever recorded. */
function emptyHome(name: string): { cwd: string; env: NodeJS.ProcessEnv } {
  const cwd = join(folder, name);
  mkdirSync(cwd, { recursive: true });
  const path = `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`;
  return { cwd, env: { PATH: path, HOME: cwd, TMPDIR: cwd, NO_COLOR: "1" } };
}

beforeAll(async () => {
  mkdirSync(join(folder, "bin"));
  writeFileSync(
    join(folder, "bin", "loci"),
    `#!/bin/sh\nexec "${process.execPath}" "${join(root, "dist/doors/cli/main.js")}" "$@"\n`,
  );
  chmodSync(join(folder, "bin", "loci"), 0o755);
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules", "loci"));
  for (const name of ["@types", "pg"])
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  for (const [i, { text }] of programs.entries())
    writeFileSync(join(folder, `block${i}.ts`), withAssertions(text).code + assertion);
  const compilerOptions = {
    target: "es2023",
    lib: ["es2023", "esnext.disposable"],
    module: "nodenext",
    types: ["node"],
    strict: true,
    rootDir: ".",
    outDir: "out",
    skipLibCheck: true,
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["block*.ts"] }));
  compiled =
    programs.length > 0 ? await run(tool("tsc"), ["-p", folder]) : { code: 0, stdout: "", stderr: "" };
});

describe("the examples of the docs", () => {
  test("are there", () => {
    expect(pages.length).toBeGreaterThan(8);
    expect(programs.length).toBeGreaterThan(0);
    expect(scripts.length).toBeGreaterThan(0);
    expect(queries.length).toBeGreaterThan(3);
    expect(programs.reduce((sum, { text }) => sum + withAssertions(text).assertions, 0)).toBeGreaterThan(2);
  });

  test("compile", () => {
    const places = compiled.stdout.replace(/^block(\d+)\.ts\((\d+),/gm, (_, i: string, line: string) => {
      const { page, line: start } = programs[Number(i)] ?? { page: "?", line: 0 };
      return `${page}:${start + Number(line)} (`;
    });
    expect(compiled.code, places).toBe(0);
  });

  test.each(named(programs))("run: $at", async ({ block, i }) => {
    const ran = await run(process.execPath, [join(folder, "out", `block${i}.js`)], emptyHome(`program${i}`));
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    expect(notPrinted(withAssertions(block.text).printed, ran.stdout), ran.stdout).toBeUndefined();
  });

  test.each(named(scripts))("run in a shell: $at", async ({ block, i }) => {
    const ran = await run("bash", ["-euo", "pipefail", "-c", block.text], emptyHome(`script${i}`));
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    const expected = [...block.text.matchAll(/^# -> (.+)$/gm)].map(([, text]) => text ?? "");
    expect(notPrinted(expected, ran.stdout), ran.stdout).toBeUndefined();
  });

  test("with SQL are answered", async () => {
    await using loci = await open(join(folder, "asked.db"));
    for (const { text, page, line } of queries) {
      await expect(loci.sql?.query(text), `${page}:${line}`).resolves.toMatchObject({ truncated: false });
    }
  });
});

describe("the runner itself", () => {
  test("finds blocks, their places and their notes", () => {
    const text = "# T\n\n```ts\na; // -> 1\n```\n\n<!-- run -->\n```sh\nls\n```\n";
    expect(blocksOf("p", text)).toEqual([
      { page: "p", line: 3, language: "ts", text: "a; // -> 1\n", note: undefined },
      { page: "p", line: 8, language: "sh", text: "ls\n", note: "run" },
    ]);
  });

  test("fails where an assertion does not hold", async () => {
    expect(withAssertions("console.log(1 + 1); // -> 2").printed).toEqual(["2"]);
    expect(notPrinted(["2", "1"], "1\n2\n")).toBe("1");
    const { code, assertions } = withAssertions(
      'const x = 1 + 1; // -> 2\nx; // -> 3\nconst s: string = "a;b";',
    );
    expect(assertions).toBe(2);
    expect(code).toBe('const x = 1 + 1; // -> 2\nis(x, 2);\nis(await (x), 3);\nconst s: string = "a;b";');
    const file = join(folder, "fails.mjs");
    const plain = (code + assertion).replace(/: (unknown|void|string)\b/g, "");
    writeFileSync(file, plain);
    expect((await run(process.execPath, [file])).stderr).toContain("3");
    writeFileSync(file, plain.replace("3)", "2)"));
    expect(await run(process.execPath, [file])).toMatchObject({ code: 0 });
  });
});
