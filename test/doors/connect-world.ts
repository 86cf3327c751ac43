import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Writable } from "node:stream";
import { clients, fileOf, type ClientName } from "../../dist/doors/cli/connect/clients.js";
import { run } from "../../dist/doors/cli/run.js";

/** The command in this process, on real files in a home of its own: some hundred runs in a second. */

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface World {
  readonly home: string;
  readonly project: string;
  fileOf(client: ClientName, project?: boolean): string;
  put(client: ClientName, text: string): string;
  bytes(client: ClientName): Buffer | undefined;
  connect(...args: string[]): Promise<Ran>;
  end(): void;
}

export function makeWorld(extra: Readonly<Record<string, string>> = {}): World {
  const home = mkdtempSync(join(tmpdir(), "loci-connect-"));
  const project = join(home, "project");
  mkdirSync(project);
  const env = { HOME: home, PATH: process.env["PATH"] ?? "", ...extra };
  const file = (client: ClientName, ofProject = false): string =>
    fileOf(client, ofProject, { env, person: home, folder: project, platform: process.platform });
  return {
    home,
    project,
    fileOf: file,
    put(client, text) {
      mkdirSync(dirname(file(client)), { recursive: true });
      writeFileSync(file(client), text);
      return file(client);
    },
    bytes(client) {
      try {
        return readFileSync(file(client));
      } catch {
        return undefined;
      }
    },
    async connect(...args) {
      let [stdout, stderr] = ["", ""];
      const stream = (take: (text: string) => void): Writable =>
        new Writable({
          write(chunk: Buffer, _encoding, done) {
            take(chunk.toString());
            done();
          },
        });
      const code = await run({
        argv: ["connect", ...args],
        env,
        folder: project,
        stdout: stream((text) => (stdout += text)),
        stderr: stream((text) => (stderr += text)),
        signal: new AbortController().signal,
        now: Date.now,
        progress: () => ({ show: () => undefined, pause: () => undefined, end: () => undefined }),
      });
      return { code, stdout, stderr };
    },
    end: () => rmSync(home, { recursive: true, force: true }),
  };
}

/** The member of the client's file that holds its servers. */
export function listName(client: ClientName): string {
  return clients[client].path[0] ?? "";
}

/**
 * What is new in a text, where nothing of the old one is gone but space, and one comma may stand where it was missing.
 * Throws where anything else differs.
 */
export function insertedIn(before: string, after: string): string {
  const found = insertion(before, after);
  if (found !== undefined) return found;
  for (let at = after.indexOf(","); at >= 0; at = after.indexOf(",", at + 1)) {
    const without = insertion(before, after.slice(0, at) + after.slice(at + 1));
    if (without !== undefined) return without;
  }
  throw new Error(`More than an insertion:\n${before}\n---\n${after}`);
}

function insertion(before: string, after: string): string | undefined {
  let [start, end] = [0, 0];
  while (start < before.length && before[start] === after[start]) start++;
  while (end < before.length - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  const gone = before.slice(start, before.length - end);
  return gone.trim() === "" ? after.slice(start, after.length - end) : undefined;
}
