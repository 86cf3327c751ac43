import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Loci } from "../../../open.ts";
import type { Millis } from "../../../operations/operation.ts";
import { safeText } from "../safe.ts";

/** What a process that was killed left unread is looked for so far back; what is older is for `loci` and `loci import`. */
const lookBack: Millis = 2 * 86_400_000;
/** For what is read in the end where the program was killed, in ms. */
const lastWords: Millis = 1_500;
/** The client waits for its first answer: the store is opened after that. */
const afterStart: Millis = 200;

/** Whether the program that started us lives, and waits for us to end. */
type Left = "awaited" | "left";

interface RecordParts {
  readonly open: () => Promise<Loci>;
  /** The folder of our own files. */
  readonly home: string;
  readonly now: () => Millis;
  readonly redact: { readonly off: boolean };
}

/**
 * Brings in what Claude Code writes for as long as its tool server runs: so nothing of ours stands in an agent's way,
 * and nothing runs when it does not. What it cannot write down before it ends, the next process finds in the transcript.
 */
export function recordMeanwhile({ open, home, now, redact }: RecordParts): { close(): Promise<Left> } {
  const mark = markAlive(join(home, "claude-code"));
  const began = new AbortController();
  const following = begin(began.signal, async () => {
    const loci = await open();
    return loci.follow({
      sources: ["claude-code"],
      redact,
      since: now() - lookBack,
      onProblem: (sentence) => process.stderr.write(`loci: ${safeText(sentence)}\n`),
    });
  });
  const program = process.ppid;
  return {
    async close() {
      began.abort();
      mark.remove();
      // What its last hook starts reads what it wrote last (hooks/read.sh), and closes what we leave open.
      if (process.ppid === program) return "awaited";
      const done = following.then(async (one) => {
        await one?.settled();
        await one?.close();
      });
      const late = new Promise<void>((end) => setTimeout(end, lastWords).unref());
      await Promise.race([done.catch(() => undefined), late]);
      return "left";
    },
  };
}

/** Begins after a moment, unless it is ended before. A store that cannot be opened is tried again when there is time. */
async function begin<Made>(ended: AbortSignal, make: () => Promise<Made>): Promise<Made | undefined> {
  for (let wait = afterStart; !ended.aborted; wait = Math.min(Math.max(wait * 2, 1_000), 60_000)) {
    await new Promise<void>((go) => {
      const timer = setTimeout(go, wait).unref();
      ended.addEventListener("abort", () => (clearTimeout(timer), go()), { once: true });
    });
    try {
      if (!ended.aborted) return await make();
    } catch {
      // What is wrong with it is said by the tool that is called, and by `loci doctor`.
    }
  }
  return undefined;
}

/**
 * A file named after the program that started us, with our own number in it: while that process lives, the hooks of
 * the program have nothing to do (plugins/claude-code/hooks/turn.sh).
 */
function markAlive(folder: string): { remove(): void } {
  const file = join(folder, String(process.ppid));
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(folder))
      if (/^\d+$/.test(name) && !lives(join(folder, name))) rmSync(join(folder, name));
    writeFileSync(file, `${process.pid}\n`, { mode: 0o600 });
  } catch {
    // Then the hooks read the transcript themselves.
  }
  return { remove: () => rmSync(file, { force: true }) };
}

function lives(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, "utf8")), 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
