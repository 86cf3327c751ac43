import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { text as wholeText } from "node:stream/consumers";
import { LociError } from "../../../errors.ts";
import type { Input } from "../../../operations/operation.ts";
import { type Call, textInput } from "../command.ts";

/** The statement: typed, or from a file, or from stdin. */
export async function statement({ input, folder }: Call): Promise<Input> {
  const file = textInput(input, "file");
  const query = textInput(input, "query") || undefined;
  if (file === undefined) {
    if (query !== undefined) return input;
    throw new LociError("invalid", "There is no statement.", {
      next: "loci sql 'select count(*) from sessions'",
    });
  }
  if (query !== undefined) {
    throw new LociError("invalid", "A statement and --file were given; one of them is enough.", {
      next: "loci sql --help",
    });
  }
  return {
    ...input,
    query: file === "-" ? await wholeText(process.stdin) : readStatement(resolve(folder, file)),
  };
}

function readStatement(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new LociError("not-found", `There is no statement to read in ${path}.`, { where: path, cause });
  }
}
