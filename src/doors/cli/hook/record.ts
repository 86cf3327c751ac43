import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Loci } from "../../../open.ts";
import type { Millis } from "../../../operations/operation.ts";
import { safeText } from "../safe.ts";

/** What a process that was killed left unread is looked for so far back; what is older is for `loci` and `loci import`. */
const lookBack: Millis = 2 * 86_400_000;
/** The client waits for its first answer: the store is opened after that. */
const afterStart: Millis = 200;
/** What a client that ends leaves us, before it kills. */
const lastWords: Millis = 1_500;

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
export function recordMeanwhile({ open, home, now, redact }: RecordParts): { close(): Promise<void> } {
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
  return {
    async close() {
      // Opened at once where it has not been: a session may be shorter than our own start.
      began.abort();
      const done = following.then(async (one) => {
        await one?.settled();
        await one?.close();
      });
      const late = new Promise<void>((end) => setTimeout(end, lastWords).unref());
      await Promise.race([done.catch(() => undefined), late]);
      mark.remove();
    },
  };
}

/** Begins after a moment, or when it is told to. A store that cannot be opened is tried again when there is time. */
async function begin<Made>(now: AbortSignal, make: () => Promise<Made>): Promise<Made | undefined> {
  await new Promise<void>((go) => {
    const timer = setTimeout(go, afterStart).unref();
    now.addEventListener("abort", () => (clearTimeout(timer), go()), { once: true });
  });
  for (let wait = 1_000; ; wait = Math.min(wait * 2, 60_000)) {
    try {
      return await make();
    } catch {
      if (now.aborted) return undefined;
      await new Promise<void>((go) => {
        const timer = setTimeout(go, wait).unref();
        now.addEventListener("abort", () => (clearTimeout(timer), go()), { once: true });
      });
    }
  }
}

/**
 * A file named after the program that started us, with our own number in it: while that process lives, the hooks of
 * the program have nothing to do (plugins/claude-code/hooks/turn.sh).
 */
function markAlive(folder: string): { remove(): void } {
  const file = join(folder, String(process.ppid));
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(folder)) if (!lives(join(folder, name))) rmSync(join(folder, name));
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
