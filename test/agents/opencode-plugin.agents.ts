import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Loci, open } from "../../dist/index.js";
import { messages } from "../../dist/model/message.js";
import { sessions } from "../../dist/model/session.js";
import { rowsOf } from "../support/agent-rows.ts";
import { type Box, box, model, opencodeEnv, program, started } from "../support/agents.ts";

const tour = "run the tool tour please";
let here: Box;
let llm: Awaited<ReturnType<typeof model>>;
let env: Record<string, string>;
let loci: Loci;
beforeEach(async () => {
  here = box();
  llm = await model("opencode-tools", { CWD: here.workspace });
  env = opencodeEnv(here, llm);
  loci = await open(store());
});
afterEach(async () => {
  await loci.close();
  await llm.close();
  here[Symbol.dispose]();
});

const store = (): string => join(here.folder, "store", "loci.db");
const database = (): string => join(here.home, ".local/share/opencode/opencode.db");

describe("OpenCode's plugin", () => {
  test("records a run in the terminal by its own thread, and the run is as without it", async (context) => {
    const opencode = program(context, "opencode");
    const plain = await started(opencode, ["run", tour], { cwd: here.workspace, env }).ended;
    expect(plain.code, plain.stderr).toBe(0);
    rmSync(join(here.workspace, "notes.txt"), { force: true });
    const folder = join(here.home, ".config/opencode/plugin");
    mkdirSync(folder, { recursive: true });
    const plugin = new URL("../../plugins/opencode/loci.js", import.meta.url).href;
    writeFileSync(join(folder, "loci.js"), `export { Loci } from ${JSON.stringify(plugin)};\n`);
    const how = { cwd: here.workspace, env: { ...env, LOCI_URL: store() } };
    const ran = await started(opencode, ["run", tour], how).ended;
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stdout.replaceAll(/\S+ms|\/tmp\S+/g, "")).toBe(plain.stdout.replaceAll(/\S+ms|\/tmp\S+/g, ""));
    await loci.recover();
    const rows = await loci.engine.find(sessions);
    expect(rows).toMatchObject([{ source: "opencode", toolCount: 6, projectPath: here.workspace }]);
    expect(await loci.engine.find(messages)).not.toEqual([]);
    // The tour before it, which nobody recorded, is all that an import adds.
    const before = await rowsOf(loci);
    await loci.import([database()]);
    const after = await rowsOf(loci);
    for (const [name, some] of Object.entries(before)) {
      for (const [id, row] of Object.entries(some)) {
        if (name !== "sessions") expect(after[name]?.[id]).toEqual(row);
      }
    }
    expect(Object.keys(after["sessions"] ?? {})).toHaveLength(2);
  }, 300_000);

  test("that cannot record lets OpenCode run", async (context) => {
    const opencode = program(context, "opencode");
    const folder = join(here.home, ".config/opencode/plugin");
    mkdirSync(folder, { recursive: true });
    const plugin = new URL("../../plugins/opencode/loci.js", import.meta.url).href;
    writeFileSync(join(folder, "loci.js"), `export { Loci } from ${JSON.stringify(plugin)};\n`);
    // A file stands where the store's folder should be.
    appendFileSync(join(here.folder, "file"), "");
    const how = { cwd: here.workspace, env: { ...env, LOCI_URL: join(here.folder, "file", "loci.db") } };
    const ran = await started(opencode, ["run", tour], how).ended;
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stdout + ran.stderr).not.toContain("Loci");
  }, 300_000);
});
