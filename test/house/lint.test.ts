import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { filesBelow, read, root, run, tool } from "../support/tools.ts";

interface Report {
  readonly diagnostics: ReadonlyArray<{
    readonly code: string;
    readonly filename: string;
    readonly message: string;
  }>;
  readonly number_of_files: number;
}

async function lint(folder: string): Promise<Report> {
  const ran = await run(tool("oxlint"), ["--type-aware", "--format", "json"], { cwd: folder });
  return JSON.parse(ran.stdout) as Report;
}

const lines = (count: number, line: string): string => `${line}\n`.repeat(count);

/** A file for each fault that the linter has to refuse, with the rule that has to refuse it. */
const faults: ReadonlyArray<[name: string, file: string, text: string, rule: string]> = [
  [
    "the model imports the engine",
    "src/model/leak.ts",
    'export type { Engine } from "../engine/engine.ts";',
    "no-restricted-imports",
  ],
  [
    "the engine imports a domain",
    "src/engine/leak.ts",
    'import { one } from "../domains/planted.ts";\nexport const two = one;',
    "no-restricted-imports",
  ],
  [
    "a backend imports a domain",
    "src/engines/deep/leak.ts",
    'import { one } from "../../domains/planted.ts";\nexport const two = one;',
    "no-restricted-imports",
  ],
  [
    "a domain imports a backend",
    "src/domains/leak.ts",
    'import { one } from "../engines/planted.ts";\nexport const two = one;',
    "no-restricted-imports",
  ],
  [
    "the recorder imports an operation",
    "src/record/leak.ts",
    'import { one } from "../operations/planted.ts";\nexport const two = one;',
    "no-restricted-imports",
  ],
  [
    "an operation imports a door",
    "src/operations/leak.ts",
    'import { one } from "../doors/planted.ts";\nexport const two = one;',
    "no-restricted-imports",
  ],
  [
    "an operation imports more than types of open.ts",
    "src/operations/open-leak.ts",
    'import { one } from "../open.ts";\nexport const two = one;',
    "no-restricted-imports",
  ],
  [
    "a door imports a domain",
    "src/doors/cli/leak.ts",
    'import { one } from "../../domains/planted.ts";\nexport const two = one;',
    "no-restricted-imports",
  ],
  [
    "an entrance imports a door",
    "src/leak.ts",
    'import { one } from "./doors/planted.ts";\nexport const two = one;',
    "no-restricted-imports",
  ],
  [
    "a circle of imports",
    "src/model/circle-a.ts",
    'import { b } from "./circle-b.ts";\nexport const a = (): unknown => b;',
    "no-cycle",
  ],
  [
    "any",
    "src/model/fault-any.ts",
    "export const loose = (value: any): string => String(value);",
    "no-explicit-any",
  ],
  [
    "a non-null assertion",
    "src/model/fault-bang.ts",
    "export const first = (list: string[]): string => list[0]!;",
    "no-non-null-assertion",
  ],
  [
    "a promise nobody waits for",
    "src/model/fault-promise.ts",
    "async function work(): Promise<void> {}\nexport function start(): void {\n  work();\n}",
    "no-floating-promises",
  ],
  [
    "a case that is missing",
    "src/model/fault-switch.ts",
    'export function name(way: "up" | "down"): string {\n  switch (way) {\n    case "up":\n      return "up";\n  }\n  return "";\n}',
    "switch-exhaustiveness-check",
  ],
  [
    "a cast that narrows",
    "src/domains/fault-cast.ts",
    "export const text = (value: unknown): string => value as string;",
    "no-unsafe-type-assertion",
  ],
  ["a file of 301 lines", "src/model/fault-long.ts", lines(301, "// one line"), "max-lines"],
  [
    "a function of 61 lines",
    "src/model/fault-function.ts",
    `export function long(): void {\n${lines(61, "  void 0;")}}`,
    "max-lines-per-function",
  ],
  [
    "a fourth parameter",
    "src/model/fault-params.ts",
    "export const sum = (a: number, b: number, c: number, d: number): number => a + b + c + d;",
    "max-params",
  ],
  ["a line to the console", "src/domains/fault-console.ts", 'console.log("here");', "no-console"],
];

const legal: ReadonlyArray<[file: string, text: string]> = [
  ["src/domains/planted.ts", "export const one = 1;"],
  ["src/engines/planted.ts", 'import { one } from "./deep/fine.ts";\nexport { one };'],
  ["src/engines/deep/fine.ts", 'import { LociError } from "../../errors.ts";\nexport const one = LociError;'],
  [
    "src/operations/planted.ts",
    'import type { one as One } from "../open.ts";\nimport { one as two } from "../domains/planted.ts";\nexport const one: typeof One = two;',
  ],
  ["src/doors/planted.ts", 'import { one } from "../operations/planted.ts";\nexport { one };'],
  ["src/doors/cli/fine.ts", 'import { one } from "../../operations/planted.ts";\nexport { one };'],
  ["src/model/circle-b.ts", 'import { a } from "./circle-a.ts";\nexport const b = (): unknown => a;'],
];

describe("the linter", () => {
  const folder = mkdtempSync(join(tmpdir(), "loci-lint-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  let report: Report = { diagnostics: [], number_of_files: 0 };
  const before = filesBelow("src", ".ts").filter((path) => !/^src\/(open|index|compat)\.ts$/.test(path));

  beforeAll(async () => {
    for (const name of [".oxlintrc.json", "tsconfig.json", "package.json"])
      cpSync(join(root, name), join(folder, name));
    for (const path of before) cpSync(join(root, path), join(folder, path));
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    writeFileSync(join(folder, "src/open.ts"), "export const one = 1;\n");
    for (const [file, text] of [
      ...legal,
      ...faults.map(([, file, text]): [string, string] => [file, text]),
    ]) {
      mkdirSync(join(folder, file, ".."), { recursive: true });
      writeFileSync(join(folder, file), `${text}\n`);
    }
    report = await lint(folder);
  });

  test("looks at every file", () => {
    expect(before.length).toBeGreaterThan(10);
    expect(report.number_of_files).toBe(before.length + legal.length + faults.length + 1);
  });

  test.each(faults.map(([name, file, , rule]) => ({ name, file, rule })))(
    "refuses $name",
    ({ file, rule }) => {
      const found = report.diagnostics.filter(({ filename }) => filename === file).map(({ code }) => code);
      expect(found.join(" ")).toContain(`(${rule})`);
    },
  );

  test("lets what is allowed pass", () => {
    const planted = legal.map(([file]) => file).filter((file) => !file.includes("circle"));
    expect(report.diagnostics.filter(({ filename }) => planted.includes(filename))).toEqual([]);
  });
});

describe("this repository", () => {
  test("is clean, and the linter saw all of it", async () => {
    const report = await lint(root);
    expect(report.number_of_files).toBeGreaterThanOrEqual(
      filesBelow("src", ".ts").length + filesBelow("test", ".test.ts").length,
    );
    expect(
      report.diagnostics.map(({ filename, code, message }) => `${filename}: ${code} ${message}`),
    ).toEqual([]);
  });

  test("is formatted", async () => {
    const ran = await run(tool("biome"), ["format", "."]);
    expect(ran.stdout + ran.stderr).toMatch(/Checked \d{2,} files/);
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
  });

  test("has no export and no dependency that nobody uses", async () => {
    const ran = await run(tool("knip"), ["--no-progress"]);
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
  });

  test("gives a reason wherever it switches a rule off", () => {
    const files = [...filesBelow("src", ".ts"), ...filesBelow("test", ".ts")];
    // On its own line behind two dashes, or in a comment right above.
    const off = files.flatMap((path) => {
      const lines = read(path).split("\n");
      return [...lines.entries()]
        .filter(([, line]) => /^\s*\/\/ oxlint-disable/.test(line))
        .map(([i, line]) => ({
          at: `${path}:${i + 1}`,
          said:
            /oxlint-disable-next-line [\w/-]+ -- .{10,}/.test(line) ||
            /^\s*(\/\/|\*\/|\*) ?.{10,}/.test(lines[i - 1] ?? ""),
        }));
    });
    expect(off.length).toBeGreaterThan(0);
    expect(off.filter(({ said }) => !said).map(({ at }) => at)).toEqual([]);
  });
});
