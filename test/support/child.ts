import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("./engine-child.mjs", import.meta.url));

/** Another process, in one of the roles of engine-child.mjs. */
export interface Child {
  readonly process: ChildProcess;
  readonly ready: Promise<unknown>;
  go(): void;
  /** What it printed; rejects if it did not end well. */
  readonly result: Promise<Record<string, unknown>>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

export function startChild(
  role: string,
  args: object,
  options: SpawnOptions & { readonly flags?: readonly string[] } = {},
): Child {
  const { flags = [], ...rest } = options;
  const child = spawn(process.execPath, [...flags, script, role, JSON.stringify(args)], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    ...rest,
  });
  const ended = once(child, "exit").then(([code, signal]: unknown[]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }));
  const printed = Promise.all([
    child.stdout ? text(child.stdout) : "",
    child.stderr ? text(child.stderr) : "",
    ended,
  ]);
  const result = printed.then(([out, err, { code, signal }]) => {
    if (code !== 0) throw new Error(`${role} ended with ${code ?? signal}: ${err}`);
    return JSON.parse(out) as Record<string, unknown>;
  });
  // Those who kill a child do not ask for its result.
  result.catch(() => undefined);
  const ready = Promise.race([
    once(child, "message"),
    result.then(() => {
      throw new Error(`${role} ended before it was ready`);
    }),
  ]);
  ready.catch(() => undefined);
  return { process: child, ready, result, ended, go: () => child.send("go") };
}

/** All begin at the same moment. */
export async function together(children: readonly Child[]): Promise<Array<Record<string, unknown>>> {
  await Promise.all(children.map(({ ready }) => ready));
  for (const child of children) child.go();
  return Promise.all(children.map(({ result }) => result));
}
