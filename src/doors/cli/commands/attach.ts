import { resolve } from "node:path";
import { LociError } from "../../../errors.ts";
import { recordOpencode } from "../../../opencode.ts";
import { type Call, textInput } from "../command.ts";

/** How long a first answer may take before something is said. */
const patience = 15_000;

/** `loci attach opencode URL`: records until it is interrupted, whether the server is there or not. */
export async function attach(call: Call): Promise<number | undefined> {
  const { input, out, env, folder, signal } = call;
  const url = textInput(input, "server") ?? "";
  if (!/^https?:/.test(url) || !URL.canParse(url)) {
    throw new LociError("invalid", `A server's URL begins with http, unlike ${url}.`, {
      next: "loci attach opencode http://127.0.0.1:4096",
    });
  }
  const loci = await call.open();
  const directory = textInput(input, "directory");
  const session = textInput(input, "session");
  const password = env["OPENCODE_SERVER_PASSWORD"];
  const server = { url, ...(password ? { password } : {}) };
  // What a recorder that was killed left behind is older than what will be recorded now.
  await loci.recover();
  const recorder = loci.recorder({ warn: (sentence) => out.note(sentence) });
  const recording = recordOpencode(server, {
    recorder,
    onProblem: (sentence) => out.note(sentence),
    ...(directory === undefined ? {} : { directory: resolve(folder, directory) }),
    ...(session === undefined ? {} : { session }),
  });
  if (await recording.settled({ timeout: patience })) out.note("Recording. Ctrl-C ends it.");
  await interrupted(signal);
  await recording.close();
  const { noted, spooled, problem } = await recorder.close();
  out.note(`${noted} happenings were recorded.`);
  if (spooled > 0) out.note(`${spooled} of them wait in ${recorder.spool}: ${problem ?? ""}`);
  return undefined;
}

/** The timer keeps the process alive: whoever waits for a server has nothing else that does. */
function interrupted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const waiting = setInterval(() => undefined, 60_000);
    const end = (): void => {
      clearInterval(waiting);
      done();
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}
