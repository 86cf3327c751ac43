import { join } from "node:path";
import { readSettings } from "./config.ts";
import { hook, hookEvents, isServer, toldFolder } from "./hook/hook.ts";
import { createSilence } from "./hook/silence.ts";

/**
 * After how long it ends, in ms: what is not done by then is left to the next process. A server that an agent waits for
 * may be silent for ever. A file takes the processor's time and no other, since who holds it is not waited for; and what
 * reads a transcript is waited for by nobody (plugins/claude-code/hooks/read.sh).
 */
const deadlines = { asked: 250, usual: 3_000 };

/**
 * The start of `loci hook EVENT`: without the rest of the command line, since an agent waits for it. It ends well
 * whatever happens, and says nothing that is no context: an agent is never troubled by its recorder.
 */
export async function start(): Promise<void> {
  const event = hookEvents.find((one) => one === process.argv[3]);
  if (event === undefined) process.exit(0);
  try {
    const { env } = process;
    const folder = process.cwd();
    const settings = readSettings({ flags: {}, env, folder });
    const url = settings.get("url").value ?? "";
    if (event === "start" && isServer(url)) {
      const silence = createSilence(join(settings.home, "claude-code", "silent"), url);
      if (silence.isRecent()) process.exit(0);
      setTimeout(() => (silence.note(), process.exit(0)), deadlines.asked);
    } else setTimeout(() => process.exit(0), deadlines.usual);
    const redact = { off: settings.get("redact").value === "off" };
    const told = toldFolder(settings);
    const text = await hook({ event, url, told, env, folder, said: await given(), redact });
    if (text !== "") await new Promise<void>((done) => process.stdout.write(text, () => done()));
  } catch {
    // The transcript stays where it is: `loci doctor` tells what is wrong with the store.
  }
  process.exit(0);
}

async function given(): Promise<string> {
  if (process.stdin.isTTY) return "";
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString("utf8");
}
