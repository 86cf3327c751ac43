import { LociError } from "../../errors.ts";

/** What we use of `@tursodatabase/database`. */
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

interface DatabasePackage {
  connect(path: string, options: { readonly timeout: number }): Promise<TursoDatabase>;
}

/** The one that was measured; it is beta, and a newer one may read its own files only. */
const version = "0.7.2";

export async function importTurso(): Promise<DatabasePackage> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an optional package, whose types are not there either
  return (await importPackage("@tursodatabase/database")) as DatabasePackage;
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
