// Opens stores only while a file named `<store>.up` is there, and counts how often it was asked: a server that is away.
import { appendFileSync, existsSync } from "node:fs";
import { openDrainStore as openReal } from "../../dist/drain-store.js";
import { LociError } from "../../dist/errors.js";

export async function openDrainStore(url) {
  appendFileSync(`${url}.asked`, ".");
  if (!existsSync(`${url}.up`)) throw new LociError("unreachable", "The server does not answer.");
  return openReal(url);
}
