import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { LociError } from "../../../errors.ts";
import type { Environment } from "../screen.ts";
import type { Tree } from "./document.ts";

export const clientNames = [
  "claude-code",
  "claude-desktop",
  "cursor",
  "vscode",
  "opencode",
  "codex",
] as const;

export type ClientName = (typeof clientNames)[number];

/** Where the person and the project are. */
export interface Whereabouts {
  readonly env: Environment;
  readonly person: string;
  readonly folder: string;
  readonly platform: NodeJS.Platform;
}

/** The program that serves: its name and its arguments. */
export type Command = readonly [program: string, ...args: string[]];

/** One member of a file that is ours. */
export interface Entry {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** What is written into a client's file. */
export interface Target {
  readonly client: ClientName;
  readonly title: string;
  /** The command that writes it. */
  readonly asked: string;
  readonly entries: readonly Entry[];
  /** What the person does next. */
  readonly next: string;
}

export interface Client {
  readonly title: string;
  /** Where its entry stands in the file. */
  readonly path: readonly string[];
  fields(command: Command): Tree;
  /** Its own file; of several, the first that is there, else the first. */
  user(where: Whereabouts): readonly string[];
  /** The project's. */
  readonly project?: (where: Whereabouts) => readonly string[];
  /** Started from a desktop, not from a shell: it does not know where programs are. */
  readonly withoutShell?: true;
  /** What the person does next. */
  readonly next: string;
}

const usual = ([command, ...args]: Command): Tree => ({ command, args });
const typed = (command: Command): Tree => ({ type: "stdio", ...usual(command) });

/** The folder where programs with a window keep their settings. */
function settingsFolder({ env, person, platform }: Whereabouts): string {
  if (platform === "darwin") return join(person, "Library", "Application Support");
  if (platform === "win32") return env["APPDATA"] || join(person, "AppData", "Roaming");
  return env["XDG_CONFIG_HOME"] || join(person, ".config");
}

export const clients: Readonly<Record<ClientName, Client>> = {
  "claude-code": {
    title: "Claude Code",
    path: ["mcpServers", "loci"],
    fields: typed,
    user: ({ env, person }) => [join(env["CLAUDE_CONFIG_DIR"] || person, ".claude.json")],
    project: ({ folder }) => [join(folder, ".mcp.json")],
    next: "Start Claude Code anew; /mcp shows it there.",
  },
  "claude-desktop": {
    title: "Claude Desktop",
    path: ["mcpServers", "loci"],
    fields: usual,
    user: (where) => [join(settingsFolder(where), "Claude", "claude_desktop_config.json")],
    withoutShell: true,
    next: "Quit Claude Desktop and start it anew.",
  },
  cursor: {
    title: "Cursor",
    path: ["mcpServers", "loci"],
    fields: usual,
    user: ({ person }) => [join(person, ".cursor", "mcp.json")],
    project: ({ folder }) => [join(folder, ".cursor", "mcp.json")],
    withoutShell: true,
    next: "Cursor asks whether to enable it: Settings, MCP.",
  },
  vscode: {
    title: "VS Code",
    path: ["servers", "loci"],
    fields: typed,
    user: (where) => [join(settingsFolder(where), "Code", "User", "mcp.json")],
    project: ({ folder }) => [join(folder, ".vscode", "mcp.json")],
    withoutShell: true,
    next: "In VS Code: MCP: List Servers, loci, Start.",
  },
  opencode: {
    title: "OpenCode",
    path: ["mcp", "loci"],
    // It gives a server 5 s for its list of tools: a first `npx` may take longer.
    fields: (command) => ({ type: "local", command: [...command], enabled: true, timeout: 30_000 }),
    user: ({ env, person }) => {
      const folder = join(env["XDG_CONFIG_HOME"] || join(person, ".config"), "opencode");
      return ["opencode.json", "opencode.jsonc", "config.json"].map((name) => join(folder, name));
    },
    project: ({ folder }) => ["opencode.json", "opencode.jsonc"].map((name) => join(folder, name)),
    next: "Start OpenCode anew; opencode mcp list shows it.",
  },
  codex: {
    title: "Codex",
    path: ["mcp_servers", "loci"],
    // 10 s unless told otherwise.
    fields: (command) => ({ ...usual(command), startup_timeout_sec: 30 }),
    user: ({ env, person }) => [join(env["CODEX_HOME"] || join(person, ".codex"), "config.toml")],
    project: ({ folder }) => [join(folder, ".codex", "config.toml")],
    next: "Start Codex anew; codex mcp list shows it.",
  },
};

/** The file that is meant. */
export function fileOf(name: ClientName, project: boolean, where: Whereabouts): string {
  const client = clients[name];
  const paths = project ? client.project?.(where) : client.user(where);
  if (paths === undefined) {
    throw new LociError("invalid", `${client.title} has no configuration of a project.`, {
      where: "--project",
      next: `loci connect ${name}`,
    });
  }
  const [first = ""] = paths;
  return paths.find((path) => existsSync(path)) ?? first;
}

/** The server that the client shall start. */
export function serverTarget(client: ClientName, project: boolean, command?: Command): Target {
  const { title, path, fields, next } = clients[client];
  const asked = `loci connect ${client}${project ? " --project" : ""}`;
  const value = command === undefined ? {} : fields(command);
  return { client, title, asked, next, entries: [{ path, value }] };
}

export interface Started {
  readonly env: Environment;
  readonly platform: NodeJS.Platform;
  /** The program of Node, and the script as it was called. */
  readonly node: string;
  readonly script: string;
}

/**
 * How the client shall start us: as we were started. A project's file is for other machines too, so it names none of
 * ours. A program with a window knows neither `npx` nor where Node is, and on Windows `loci` is a script for a shell.
 */
export function commandFor(
  { withoutShell }: Client,
  project: boolean,
  { env, platform, node, script }: Started,
): Command {
  const throughNpx = env["npm_command"] === "exec";
  if (project || throughNpx) {
    const npx = ["npx", "-y", "loci", "mcp"] as const;
    return platform === "win32" ? ["cmd", "/c", ...npx] : npx;
  }
  const isLink = basename(script) === "loci" && platform !== "win32";
  return isLink && withoutShell !== true ? [script, "mcp"] : [node, script, "mcp"];
}
