import { readFileSync } from "node:fs";
import { join } from "node:path";
import { envLiterals, type RedactOptions } from "./redact.ts";

/**
 * The values of the `.env` file where the program runs are secrets that have no shape of their own: they are replaced
 * unless the caller names the literals, or turns redaction off.
 */
export function withEnvFile(options: RedactOptions = {}, folder: string = process.cwd()): RedactOptions {
  if (options.off === true || options.literals !== undefined) return options;
  try {
    return { ...options, literals: envLiterals(readFileSync(join(folder, ".env"), "utf8")) };
  } catch {
    // Not there, or not ours to read: then its values are not ours to know.
    return options;
  }
}
