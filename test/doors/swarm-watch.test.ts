import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { update } from "../../dist/engine/engine.js";
import { open } from "../../dist/index.js";
import { swarmMembers } from "../../dist/model/agent.js";
import { needs } from "../support/needs.ts";
import { hasTerminal, main, terminalReason } from "./world.ts";

const home = mkdtempSync(join(tmpdir(), "loci-watch-"));
const db = join(home, "loci.db");
const env = { PATH: process.env["PATH"] ?? "", HOME: home, LOCI_HOME: home, TERM: "xterm-256color" };

beforeAll(async () => {
  await using loci = await open(db);
  await loci.swarm("release-42").register([
    { agent: "backend-1", region: "fra" },
    { agent: "docs-1", region: "fra" },
  ]);
  for (const task of [
    { swarm: "release-42", title: "write the guide" },
    { swarm: "release-42", title: "far away", region: "syd" },
  ]) {
    await loci.tasks.create(task);
  }
  await loci.tasks.claim({ swarm: "release-42", agent: "backend-1", region: "fra" });
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Starts it, and tells what it has written so far. */
function start(command: string, args: readonly string[]) {
  const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "inherit"] });
  let written = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    written += text;
  });
  return { child, text: () => written, ended: once(child, "exit") };
}

async function silence(agentId: string): Promise<void> {
  await using loci = await open(db);
  await loci.engine.write([update(swarmMembers, { agentId }, { lastHeartbeat: Date.now() - 97_000 })]);
}

test("on a terminal it draws in place, and leaves it clean on Ctrl-C", async (context) => {
  needs(context, hasTerminal, terminalReason);
  const line = `stty cols 80 rows 24; exec ${process.execPath} ${main} --db ${db} swarm release-42 --watch`;
  const { child, text, ended } = start("script", ["-qfec", line, "/dev/null"]);
  await expect.poll(text, { timeout: 30_000 }).toContain("● 2 healthy");
  await silence("docs-1");
  await expect.poll(text, { timeout: 30_000 }).toContain("○ 1 unhealthy");
  child.stdin.write("\u0003");
  expect((await ended)[0]).toBe(130);
  const written = text();
  expect(written).toContain("write the guide");
  expect(written).toMatch(/1 task for syd, where no agent is: they run anywhere/);
  // The cursor went away, came back up for each picture, and is there again in the end.
  expect(written.indexOf("\u001b[?25l")).toBeGreaterThanOrEqual(0);
  expect(written.lastIndexOf("\u001b[?25h")).toBeGreaterThan(written.lastIndexOf("\u001b[J"));
  const pictures = written.split(/\u001b\[\d+A\r\u001b\[J/);
  expect(pictures.length).toBeGreaterThan(1);
  for (const row of (pictures.at(-1) ?? "").split("\n")) {
    // oxlint-disable-next-line no-control-regex -- colours are what is taken out
    expect([...row.replace(/\u001b\[[\d;?]*[a-zA-Z]/g, "").trimEnd()].length).toBeLessThanOrEqual(80);
  }
}, 90_000);

test("in a pipe each agent is a line when it changes", async () => {
  await (async () => {
    await using loci = await open(db);
    await loci.swarm("release-42").heartbeat("backend-1");
  })();
  await silence("docs-1");
  const { child, text, ended } = start(process.execPath, [
    main,
    "--db",
    db,
    "swarm",
    "release-42",
    "--watch",
  ]);
  const lines = () =>
    text()
      .split("\n")
      .filter((line) => line !== "");
  await expect.poll(() => lines().length, { timeout: 30_000 }).toBe(2);
  expect(lines()[0]?.split("\t").slice(1, 5)).toEqual(["backend-1", "fra", "ready", "healthy"]);
  await silence("backend-1");
  await expect.poll(() => lines().length, { timeout: 30_000 }).toBe(3);
  expect(lines()[2]?.split("\t").slice(1, 5)).toEqual(["backend-1", "fra", "ready", "unhealthy"]);
  expect(text()).not.toContain("\u001b");
  child.kill("SIGINT");
  expect((await ended)[0]).toBe(130);
}, 90_000);
