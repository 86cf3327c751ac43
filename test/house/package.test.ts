import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { needs } from "../support/needs.ts";
import { root, run, tool } from "../support/tools.ts";

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: ReadonlyArray<{ readonly path: string }>;
}

const folder = mkdtempSync(join(tmpdir(), "loci-package-"));
const place = join(folder, "consumer");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let packed: Packed;
let tarball: string;
/** What npm said when the package was installed, or undefined when it could. */
let offline: string | undefined;

/** The sizes of all files below a folder, and the packages in it. */
function weigh(path: string): { bytes: number; packages: number } {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return {
    bytes: entries.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0),
    packages: entries.filter(
      (entry) => entry.name === "package.json" && /node_modules\/(@[^/]+\/)?[^/]+$/.test(entry.parentPath),
    ).length,
  };
}

beforeAll(async () => {
  mkdirSync(place);
  const made = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder]);
  expect(made.code, made.stderr).toBe(0);
  const listed = JSON.parse(made.stdout) as Packed[] | Record<string, Packed>;
  const first = Object.values(listed)[0];
  if (first === undefined) throw new Error(`npm pack said: ${made.stdout.slice(0, 200)}`);
  packed = first;
  tarball = join(folder, packed.filename.split("/").at(-1) ?? "");
  writeFileSync(
    join(place, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module" }),
  );
  // What npm has in its cache is as good; and who is offline should not wait for three tries.
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=0"];
  const installed = await run("npm", ["install", ...flags, tarball], { cwd: place });
  if (installed.code === 0) return;
  if (!/ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ENETUNREACH|ECONNRESET/.test(installed.stderr))
    throw new Error(installed.stderr);
  offline = "The package registry does not answer: what a user would install cannot be weighed.";
});

describe("the package", () => {
  test("is small: at most 3 MB packed, 1,000 files, no test and no source in it", () => {
    expect(packed.files.length).toBeGreaterThan(20);
    expect(packed.size).toBeLessThan(3_000_000);
    expect(packed.files.length).toBeLessThan(1_000);
    // The marketplace of the plugins belongs to them; nothing else that begins with a dot does.
    const others = packed.files
      .map(({ path }) => path)
      .filter((path) => path !== ".claude-plugin/marketplace.json");
    expect(others.length).toBe(packed.files.length - 1);
    expect(others.filter((path) => /^(src|test|bench|node_modules|\.)/.test(path))).toEqual([]);
  });

  test("is described correctly for every way of importing it", async () => {
    const checked = await run(tool("publint"), ["--strict", "--pack", "npm"]);
    expect(checked.code, checked.stdout + checked.stderr).toBe(0);
    const types = await run(tool("attw"), [tarball, "--profile", "esm-only", "--no-color"]);
    expect(types.code, types.stdout + types.stderr).toBe(0);
  });

  test("has a lock file with the optional packages of every platform, and no address in it", () => {
    const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
      packages: Record<string, { optionalDependencies?: object; resolved?: string }>;
    };
    const wanted = Object.entries(lock.packages).flatMap(([, entry]) =>
      Object.keys(entry.optionalDependencies ?? {}),
    );
    const there = Object.keys(lock.packages).map((place) => place.split("node_modules/").at(-1));
    expect(wanted.length).toBeGreaterThan(50);
    // After npm install: node scripts/lock.mjs
    expect(wanted.filter((name) => !there.includes(name))).toEqual([]);
    expect(Object.values(lock.packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
  });

  test("installs without scripts: at most 30 MB and 10 packages", (context) => {
    needs(context, offline === undefined, offline ?? "");
    const { bytes, packages } = weigh(join(place, "node_modules"));
    console.log(`installed: ${(bytes / 1e6).toFixed(1)} MB in ${packages} packages`);
    expect(packages).toBeGreaterThan(1);
    expect(packages).toBeLessThanOrEqual(10);
    expect(bytes).toBeLessThanOrEqual(30_000_000);
  });

  test("runs where it was installed: the command answers, and every subpath can be imported", async (context) => {
    needs(context, offline === undefined, offline ?? "");
    const version = await run(join(place, "node_modules", ".bin", "loci"), ["--version"], { cwd: place });
    expect(version.stdout + version.stderr).toContain("0.1.0");
    const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { exports: object };
    const names = Object.keys(exports).filter((path) => path !== "./package.json" && path !== "./testing");
    const program = names
      .map((path) => `if (Object.keys(await import("loci${path.slice(1)}")).length === 0) throw 1;`)
      .join("\n");
    const imported = await run(process.execPath, ["--input-type=module", "-e", program], { cwd: place });
    expect(imported.code, imported.stderr).toBe(0);
  });

  test("has the MCP server in one file, which needs no package and names the licences of what is in it", async (context) => {
    needs(context, offline === undefined, offline ?? "");
    const file = join(place, "node_modules/loci/dist/doors/cli/start-mcp.js");
    for (const one of [file, join(place, "node_modules/loci/dist/doors/mcp/serve.js")]) {
      const program = `if (typeof (await import(${JSON.stringify(one)})).serveTools !== "function") throw 1;`;
      const loaded = await run(process.execPath, ["--input-type=module", "-e", program], { cwd: place });
      expect(loaded.code, loaded.stderr).toBe(0);
    }
    const head = readFileSync(file, "utf8").split("*/")[0] ?? "";
    for (const name of ["@modelcontextprotocol/server", "@modelcontextprotocol/core", "zod"]) {
      expect(head).toContain(`${name} `);
    }
    expect(head).toMatch(/Apache License[^]*Copyright/);
  });

  test("has types that a strict program compiles against, under nodenext and bundler, without skipLibCheck", async (context) => {
    needs(context, offline === undefined, offline ?? "");
    writeFileSync(
      join(place, "program.ts"),
      `import { open } from "loci";\nimport { createConversationLogger } from "loci/compat";\n` +
        `export async function main(): Promise<number> {\n  await using loci = await open("memory:");\n` +
        `  // @ts-expect-error words are a text\n  await loci.search(7);\n` +
        `  return (await loci.search("words", { limit: 3 })).items.length;\n}\nexport const logger = createConversationLogger;\n`,
    );
    for (const [module, resolution] of [
      ["nodenext", "nodenext"],
      ["esnext", "bundler"],
    ]) {
      const compiled = await run(
        tool("tsc"),
        [
          "--noEmit",
          "--strict",
          "--skipLibCheck",
          "false",
          "--target",
          "es2022",
          "--lib",
          "es2023,esnext.disposable",
          "--module",
          module ?? "",
          "--moduleResolution",
          resolution ?? "",
          "--typeRoots",
          join(root, "node_modules/@types"),
          "--types",
          "node",
          "program.ts",
        ],
        { cwd: place },
      );
      expect(compiled.code, compiled.stdout).toBe(0);
    }
  });
});
