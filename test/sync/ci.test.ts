import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { open } from "../../dist/index.js";
import { type Sqld, startSqld } from "../support/sqld.ts";
import { root } from "../support/tools.ts";

// examples/ci/agents.yml, as a runner would do it: its commands are read from the file and run by a shell.

const folder = mkdtempSync(join(tmpdir(), "loci-ci-"));
const workflow = readFileSync(join(root, "examples/ci/agents.yml"), "utf8");
let server: Sqld;
beforeAll(async () => {
  server = await startSqld();
  // `npx loci` is this build; npx itself would ask a registry.
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(
    join(bin, "npx"),
    `#!/bin/sh\nshift\nexec ${process.execPath} ${join(root, "dist/doors/cli/main.js")} "$@"\n`,
  );
  chmodSync(join(bin, "npx"), 0o755);
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The commands of the step that runs always. */
function commands(): string[] {
  const step = /if: always\(\)\n\s+run: \|\n((?: {10}.+\n)+)/.exec(workflow)?.[1] ?? "";
  return step
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

interface Job {
  readonly env: Readonly<Record<string, string>>;
  readonly work: string;
}

function job(name: string, hub: string): Job {
  const work = join(folder, name);
  mkdirSync(work);
  const path = [join(folder, "bin"), process.env["PATH"] ?? ""].join(delimiter);
  const said = { LOCI_HOME: join(work, ".loci"), LOCI_SYNC_URL: hub, LOCI_SYNC_MODE: "push" };
  return { work, env: { PATH: path, HOME: work, ...said } };
}

function shell({ env, work }: Job, lines: readonly string[]): Promise<number | null> {
  return ended(spawn("bash", ["-e", "-c", lines.join("\n")], { cwd: work, env, stdio: "ignore" }));
}

function ended(child: ReturnType<typeof spawn>): Promise<number | null> {
  return new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
}

/** An agent that records and then ends as `last` says. */
function agent({ env, work }: Job, session: string, last: string): ReturnType<typeof spawn> {
  const program = `
    import { open } from ${JSON.stringify(join(root, "dist/index.js"))};
    const loci = await open(undefined, { sync: false });
    const recorder = loci.recorder();
    recorder.record({ kind: "session", id: "${session}", agentType: "ci" });
    for (let n = 1; n <= 50; n++) recorder.record({ kind: "message", sessionId: "${session}", role: "user", content: "step " + n });
    ${last}`;
  const args = ["--input-type=module", "-e", program];
  return spawn(process.execPath, args, { cwd: work, env, stdio: ["ignore", "pipe", "ignore"] });
}

async function atHub(hub: string, session: string): Promise<{ status: string; messages: number } | null> {
  const loci = await open(hub);
  try {
    const found = await loci.sessions.get(session);
    return found === null ? null : { status: found.status, messages: found.messageCount };
  } finally {
    await loci.close();
  }
}

describe("a job in CI", () => {
  test("has steps that run also when the agent failed", () => {
    expect(commands()).toEqual(["npx loci sync push", "npx loci sync status --check --max-lag 10m"]);
  });

  test("brings what it recorded to the hub, also where its agent failed", async ({ skip }) => {
    skip(server.missing !== undefined, server.missing);
    const hub = await server.database();
    const ci = job("failed", hub);
    const last = `recorder.record({ kind: "session", id: "s1", status: "error", errorMessage: "tests failed", endedAt: new Date() });
      await recorder.close(); process.exit(1);`;
    expect(await ended(agent(ci, "s1", last))).toBe(1);
    expect(await shell(ci, commands())).toBe(0);
    expect(await atHub(hub, "s1")).toEqual({ status: "error", messages: 50 });
  });

  test("that was killed is finished by the next one, which finds its store", async ({ skip }) => {
    skip(server.missing !== undefined, server.missing);
    const hub = await server.database();
    const ci = job("killed", hub);
    const killed = agent(ci, "s2", `process.stdout.write("on"); setInterval(() => {}, 1000);`);
    await new Promise((resolve) => killed.stdout?.once("data", resolve));
    killed.kill("SIGKILL");
    await ended(killed);
    expect(await atHub(hub, "s2")).toBeNull();
    expect(await shell(ci, commands())).toBe(0);
    expect(await atHub(hub, "s2")).toEqual({ status: "running", messages: 50 });
  });

  test("fails its check while the hub is away, and loses nothing", async ({ skip }) => {
    skip(server.missing !== undefined, server.missing);
    const hub = await server.database();
    const away = job("away", "http://127.0.0.1:1");
    expect(
      await ended(agent(away, "s3", "await recorder.close(); await loci.close(); process.exit(0);")),
    ).toBe(0);
    expect(await shell(away, commands())).not.toBe(0);
    const later = { ...away, env: { ...away.env, LOCI_SYNC_URL: hub } };
    expect(await shell(later, commands().slice(0, 1))).toBe(0);
    expect(await atHub(hub, "s3")).toEqual({ status: "running", messages: 50 });
  });
});
