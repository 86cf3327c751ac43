import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { LociError } from "../../errors.ts";

/** Shorter ones can be guessed; ours have 43 letters. */
const shortest = 32;

export interface Token {
  readonly value: string;
  /** What one says about it on stderr. */
  readonly origin: "made" | "file" | "environment";
}

export interface TokenOptions {
  /** Where it is kept; made there when the file is not there yet. */
  readonly file: string | undefined;
  /** Of the environment, and under which name. */
  readonly given: string | undefined;
  readonly variable: string;
}

/** A token for one start, unless a file or the environment has one. Errors: `config`, `permission`. */
export function accessToken({ file, given, variable }: TokenOptions): Token {
  if (file !== undefined) return { value: fromFile(file), origin: "file" };
  if (given === undefined || given === "") return { value: newToken(), origin: "made" };
  return { value: checked(given, variable), origin: "environment" };
}

function newToken(): string {
  return randomBytes(32).toString("base64url");
}

function fromFile(file: string): string {
  try {
    const value = newToken();
    writeFileSync(file, `${value}\n`, { flag: "wx", mode: 0o600 });
    return value;
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw unusable(file, cause);
  }
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, "r");
    // Others of this machine could read it. Windows has no such bits.
    if (process.platform !== "win32" && (fstatSync(descriptor).mode & 0o077) !== 0) {
      throw new LociError("permission", "Others may read the file of the token.", {
        where: file,
        next: `chmod 600 ${JSON.stringify(file)}, and a new token if others read it`,
      });
    }
    return checked(readFileSync(descriptor, "utf8").trim(), file);
  } catch (cause) {
    throw cause instanceof LociError ? cause : unusable(file, cause);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function unusable(file: string, cause: unknown): LociError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new LociError("permission", `The token cannot be kept there: ${why}`, {
    where: file,
    next: "Name a file in a folder of yours: --token-file ~/.loci/mcp-token",
    cause,
  });
}

function checked(value: string, where: string): string {
  if (value.length >= shortest && /^[\w.~+/=-]+$/.test(value)) return value;
  throw new LociError("config", `A token has at least ${shortest} letters, digits or -._~+/=.`, {
    where,
    next: "openssl rand -hex 32 makes one",
  });
}
