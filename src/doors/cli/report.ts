import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ErrorCode, errorCode, type LociError } from "../../errors.ts";
import { jsonText } from "./output.ts";
import { safeText } from "./safe.ts";
import type { Screen } from "./screen.ts";

/** 0 ok, 1 a bug of ours, 130 and 143 signals; the others here. docs/ERRORS.md lists them. */
export const exitCodes: Readonly<Record<ErrorCode, number>> = {
  busy: 5,
  closed: 1,
  config: 4,
  corrupt: 4,
  interrupted: 5,
  invalid: 2,
  "lease-lost": 5,
  "not-found": 3,
  permission: 4,
  "read-only": 2,
  schema: 4,
  "too-large": 2,
  unreachable: 5,
  unsupported: 4,
};

export interface Report {
  readonly exitCode: number;
  readonly lines: readonly string[];
}

export interface ReportOptions {
  readonly screen: Screen;
  readonly json: boolean;
  readonly verbose: boolean;
  /** What helps where the error does not say it itself. */
  readonly help: (code: ErrorCode) => string;
  /** Where the report of a bug is written. */
  readonly home: string;
}

/** Cause, where we looked, the next command: what a person reads of anything that was thrown. */
export function reportError(error: unknown, options: ReportOptions): Report {
  const code = errorCode(error);
  if (code === undefined) return reportBug(error, options);
  // It has a code, so it is ours, perhaps from another copy of the package.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { message, where, next = options.help(code) } = error as LociError;
  const exitCode = exitCodes[code];
  if (options.json) {
    const said = { v: 1, error: { code, message, where: where ?? null, next } };
    return { exitCode, lines: [jsonText(said)] };
  }
  const lines = sentence(message, options.screen);
  if (where !== undefined) lines.push(`  looked in  ${safeText(where)}`);
  lines.push(`  next       ${safeText(next).replaceAll("\n", "\n             ")}`);
  if (options.verbose) lines.push(...trail(error));
  return { exitCode, lines };
}

function sentence(message: string, screen: Screen): string[] {
  return [`${screen.tone("loci:", "red", "bold")} ${safeText(message)}`];
}

/** The stack and the causes below it, for those who asked. */
function trail(error: unknown): string[] {
  const lines: string[] = [];
  for (let one = error, depth = 0; one instanceof Error && depth < 5; depth++) {
    const text = one.stack ?? one.message;
    lines.push(...safeText(depth === 0 ? text : `caused by ${text}`).split("\n"));
    one = one.cause;
  }
  return lines.map((line) => `  ${line}`);
}

/** What was thrown is none of ours: a bug. The person gets one sentence and a file to send. */
function reportBug(error: unknown, { screen, json, verbose, home }: ReportOptions): Report {
  const name = `error-${new Date().toISOString().replaceAll(":", "-")}-${process.pid}.txt`;
  const path = join(home, "reports", name);
  let next = `loci --verbose shows more; please report it with ${path}`;
  try {
    mkdirSync(join(home, "reports"), { recursive: true, mode: 0o700 });
    const about = `node ${process.version} ${process.platform} ${process.arch}`;
    writeFileSync(path, `${about}\n${trail(error).join("\n")}\n`, { mode: 0o600 });
  } catch {
    next = "run it again with --verbose, and please report what it prints";
  }
  const message = `This is a bug in Loci: ${error instanceof Error ? error.message : String(error)}`;
  if (json) {
    return {
      exitCode: 1,
      lines: [jsonText({ v: 1, error: { code: "bug", message, where: null, next } })],
    };
  }
  const lines = [...sentence(message, screen), `  next       ${safeText(next)}`];
  return { exitCode: 1, lines: verbose ? [...lines, ...trail(error)] : lines };
}
