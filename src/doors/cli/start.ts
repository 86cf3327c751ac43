import { createProgress } from "./progress.ts";
import { run } from "./run.ts";

/** Runs the command line in this process: its streams, its signals, its exit code. */
export async function start(): Promise<void> {
  const { stdout, stderr, env } = process;
  const stopping = new AbortController();
  let exitCode: number | undefined;
  const leave = (code: number): void => {
    exitCode ??= code;
    stopping.abort();
    // What is being written is atomic and what is open is closed by run(); this is for what does not end by itself.
    setTimeout(() => process.exit(exitCode), 10_000).unref();
  };
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.on(signal, () => (stopping.signal.aborted ? process.exit(code) : leave(code)));
  }
  // The reader of the pipe has what it wanted (`| head -1`): that is no error.
  const readerLeft = (error: NodeJS.ErrnoException): void => {
    if (error.code === "EPIPE") process.exit(0);
    stderr.write(
      `loci: the answer cannot be written: ${error.message}\n  next       Make room, or write it elsewhere.\n`,
    );
    process.exit(4);
  };
  stdout.on("error", readerLeft);
  stderr.on("error", () => process.exit(4));

  const result = await run({
    argv: process.argv.slice(2),
    env,
    folder: process.cwd(),
    stdout,
    stderr,
    signal: stopping.signal,
    now: Date.now,
    progress: (wanted) =>
      createProgress({ stderr, wanted: wanted && stderr.isTTY && env["TERM"] !== "dumb", now: Date.now }),
  });
  process.exit(exitCode ?? result);
}
