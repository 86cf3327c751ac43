import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The folder of the repository. */
export const root: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; a failure is an answer, not an exception. */
export async function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; timeout?: number } = {},
): Promise<Ran> {
  try {
    const done = await promisify(execFile)(program, [...args], {
      cwd: options.cwd ?? root,
      env: options.env ?? process.env,
      timeout: options.timeout ?? 120_000,
      maxBuffer: 64 * 1024 * 1024,
    });
    return { code: 0, ...done };
  } catch (error) {
    const { code, stdout, stderr, message } = error as Error & {
      code: unknown;
      stdout: string;
      stderr: string;
    };
    return { code: typeof code === "number" ? code : 1, stdout: stdout ?? "", stderr: stderr || message };
  }
}

/** A tool of the devDependencies, by the name of its command. */
export function tool(name: string): string {
  return join(root, "node_modules", ".bin", name);
}

/** Files below a folder of the repository whose path ends so, as paths from the root; what npm put there is not ours. */
export function filesBelow(folder: string, ending = ""): string[] {
  const from = join(root, folder);
  if (!existsSync(from)) return [];
  return readdirSync(from, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !path.split("/").includes("node_modules"))
    .sort();
}

export function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** The documentation that a person reads, in one text: README and docs. */
export function documentation(): string {
  const pages = ["README.md", ...filesBelow("docs", ".md")].filter((path) => existsSync(join(root, path)));
  return pages.map(read).join("\n");
}

/** Files under version control; in an unpacked archive, where there is no git, all that no tool made. */
export async function trackedFiles(): Promise<string[]> {
  // Whoever cloned it may be somebody else than who tests it.
  const args = ["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const listed = await run("git", args);
  if (listed.code !== 0) return filesBelow(".").filter((path) => !/^(dist|coverage|\.git)\//.test(path));
  return listed.stdout.split("\0").filter((path) => path !== "" && existsSync(join(root, path)));
}
