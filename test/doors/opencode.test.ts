import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { open } from "../../dist/index.js";
import { sessions } from "../../dist/model/session.js";
import { toolExecutions } from "../../dist/model/tool-execution.js";
import { eventsOf, fakeOpencode } from "../attach/support/fake-opencode.ts";
import { makeWorld } from "./connect-world.ts";
import { main } from "./world.ts";

test("loci connect opencode --plugin writes one file, whose way back is --undo", async () => {
  const world = makeWorld();
  try {
    const file = join(world.home, ".config/opencode/plugin/loci.js");
    expect((await world.connect("opencode", "--plugin", "--yes")).code).toBe(0);
    const plugin = /from "(file:.*)"/.exec(readFileSync(file, "utf8"))?.[1] ?? "";
    expect(Object.keys((await import(plugin)) as object)).toEqual(["Loci"]);
    expect((await world.connect("opencode", "--plugin", "--yes")).stderr).toContain("already");
    expect((await world.connect("opencode", "--plugin", "--undo", "--yes")).code).toBe(0);
    expect(existsSync(file)).toBe(false);
    expect((await world.connect("cursor", "--plugin", "--yes")).code).toBe(2);
    expect((await world.connect("opencode", "--plugin", "--yes", "--db", "x.db")).code).toBe(2);
  } finally {
    world.end();
  }
});

test("loci attach opencode URL records until it is interrupted", async () => {
  await using opencode = await fakeOpencode({ fresh: true });
  const folder = mkdtempSync(join(tmpdir(), "loci-attach-"));
  const store = join(folder, "loci.db");
  try {
    const args = [main, "attach", "opencode", opencode.url, "--db", store];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (data: Buffer) => {
      said += data.toString();
    });
    while (!said.includes("Recording")) await once(child.stderr, "data");
    opencode.play(eventsOf("tools"));
    child.kill("SIGINT");
    const [code] = (await once(child, "exit")) as [number | null];
    expect({ code, said }).toEqual({
      code: expect.any(Number),
      said: expect.stringMatching(/\d+ happenings/),
    });
    await using loci = await open(store);
    await loci.recover();
    expect(await loci.engine.find(sessions)).toMatchObject([{ source: "opencode", status: "completed" }]);
    expect(await loci.engine.find(toolExecutions)).toHaveLength(6);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("loci attach says what a URL is", async () => {
  const child = spawn(process.execPath, [main, "attach", "opencode", "4096"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (data: Buffer) => {
    said += data.toString();
  });
  const [code] = (await once(child, "exit")) as [number];
  expect({ code, said }).toEqual({ code: 2, said: expect.stringContaining("begins with http") });
});
