import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { text as wholeText } from "node:stream/consumers";
import { LociError } from "../../../errors.ts";
import type { Input } from "../../../operations/operation.ts";
import { type Call, textInput } from "../command.ts";

/** The input with what `--file` names in place of what could have been typed. */
export async function withFile({ input, folder }: Call, name: string, isList: boolean): Promise<Input> {
  const file = textInput(input, "file");
  if (file === undefined) return input;
  const typed = input[name];
  if (Array.isArray(typed) ? typed.length > 0 : typed !== undefined && typed !== "") {
    throw new LociError("invalid", `${name.toUpperCase()} and --file were given; one of them is enough.`);
  }
  const text = file === "-" ? await wholeText(process.stdin) : readText(resolve(folder, file));
  return { ...input, [name]: isList ? [text] : text };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new LociError("not-found", `There is nothing to read in ${path}.`, { where: path, cause });
  }
}
