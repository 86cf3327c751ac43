import { createInterface } from "node:readline/promises";
import { LociError } from "../../errors.ts";
import { type Call, flagInput } from "./command.ts";
import { safeLine } from "./safe.ts";

/** Asks a person on a terminal before something is taken away. Errors: `invalid` where the answer is not yes. */
export async function confirmed(call: Call, what: string, id: string): Promise<void> {
  if (flagInput(call.input, "yes") || !call.out.isTerminal || !process.stdin.isTTY) return;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const question = `Take ${what} ${safeLine(id)} away? It cannot be brought back. [y/N] `;
    const answer = await lines.question(question, { signal: call.signal }).catch(() => "");
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    lines.close();
  }
  throw new LociError("invalid", "Nothing was taken away.", {
    next: "Answer y, or give --yes to be asked nothing.",
  });
}
