import { LociError } from "../../errors.ts";

/** What we use of `@tursodatabase/database`, and of `@tursodatabase/sync`, whose database is one of those. */
export interface TursoDatabase {
  readonly inTransaction: boolean;
  prepare(sql: string): Promise<TursoStatement>;
  exec(sql: string): Promise<void>;
  close(): Promise<void>;
}

export interface TursoStatement {
  raw(on: boolean): TursoStatement;
  run(params: readonly unknown[]): Promise<{ readonly changes: number }>;
  all(params: readonly unknown[]): Promise<unknown[][]>;
  close(): void;
}

export interface SyncedTursoDatabase extends TursoDatabase {
  push(): Promise<void>;
  /** Whether anything came. */
  pull(): Promise<boolean>;
  checkpoint(): Promise<void>;
  stats(): Promise<TursoStats>;
}

export interface TursoStats {
  /** Changes that were not pushed. */
  readonly cdcOperations: number;
  readonly mainWalSize: number;
  readonly lastPullUnixTime: number | null;
  readonly lastPushUnixTime: number | null;
  readonly networkSentBytes: number;
  readonly networkReceivedBytes: number;
}

export interface SyncedTursoOptions {
  readonly path: string;
  readonly url: () => string | null;
  readonly authToken?: () => Promise<string>;
  readonly clientName: string;
  readonly pushOperationsThreshold: number;
  readonly fetch: typeof fetch;
}

interface DatabasePackage {
  connect(path: string, options: { readonly timeout: number }): Promise<TursoDatabase>;
}

interface SyncPackage {
  connect(options: SyncedTursoOptions): Promise<SyncedTursoDatabase>;
}

/** The one that was measured; it is beta, and a newer one may read its own files only. */
const version = "0.7.2";

export async function importTurso(): Promise<DatabasePackage> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an optional package, whose types are not there either
  return (await importPackage("@tursodatabase/database")) as DatabasePackage;
}

export async function importTursoSync(): Promise<SyncPackage> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an optional package, as above
  return (await importPackage("@tursodatabase/sync")) as SyncPackage;
}

async function importPackage(name: string): Promise<unknown> {
  try {
    return await import(name);
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND";
    throw isMissing
      ? new LociError("unsupported", `The Turso engine needs the package ${name}, which is not installed.`, {
          next: `npm install ${name}@${version}`,
          cause,
        })
      : new LociError("unsupported", `${name} does not load on ${process.platform} ${process.arch}.`, {
          next: "Turso's engine is there for Linux with glibc, macOS on arm64 and Windows on x64; a file without turso: is libSQL's",
          cause,
        });
  }
}
