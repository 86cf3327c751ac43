import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freePort } from "./sqld.ts";
import { root } from "./tools.ts";

/**
 * Why the Turso engine cannot be tested here, or undefined. Its packages have 180 MB, so they are in test/servers; a
 * link stands where `npm install @tursodatabase/database` would have put them.
 */
export function missingTurso(): string | undefined {
  for (const name of ["@tursodatabase/database", "@tursodatabase/sync"]) {
    const place = join(root, "node_modules", name);
    if (existsSync(place)) continue;
    const there = join(root, "test/servers/node_modules", name);
    if (!existsSync(there)) {
      const reason = `there is no ${name}: npm ci --prefix test/servers --ignore-scripts brings it.`;
      if (process.env["LOCI_TEST_STRICT"] === "1") throw new Error(reason);
      return reason;
    }
    mkdirSync(dirname(place), { recursive: true });
    try {
      symlinkSync(there, place, "junction");
    } catch (error) {
      // Another test file was faster.
      if (!existsSync(place)) throw error;
    }
  }
  return undefined;
}

export interface TursoServer {
  readonly url: string;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Turso's own sync server, which its command line has for development, on 127.0.0.1. */
export async function startTursoServer(): Promise<TursoServer> {
  const name = `cli-${process.platform}-${process.arch}${process.platform === "linux" ? "-gnu" : ""}`;
  const program = join(root, "test/servers/node_modules/@tursodatabase", name, "tursodb");
  const folder = await mkdtemp(join(tmpdir(), "loci-tursodb-"));
  const port = await freePort();
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const args = [join(folder, "hub.db"), "--sync-server", `127.0.0.1:${port}`];
    child = spawn(program, args, { stdio: "ignore" });
    for (let tries = 0; !(await connects(port)); tries++) {
      if (tries > 2_000 || child.exitCode !== null)
        throw new Error(`tursodb did not start (${child.exitCode}).`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };
  const kill = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const gone = new Promise((resolve) => running.once("exit", resolve));
    running.kill("SIGKILL");
    await gone;
  };
  await start();
  return {
    url: `http://127.0.0.1:${port}`,
    start,
    kill,
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
