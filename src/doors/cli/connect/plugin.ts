import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Target, Whereabouts } from "./clients.ts";

/** The file that OpenCode loads by itself: everything in this folder is a plugin of its. */
export function pluginFile(project: boolean, { env, person, folder }: Whereabouts): string {
  const place = project
    ? join(folder, ".opencode")
    : join(env["XDG_CONFIG_HOME"] || join(person, ".config"), "opencode");
  return join(place, "plugin", "loci.js");
}

/** What stands in it: it names the plugin of this package. */
export function pluginText(): string {
  const way = "// Written by: loci connect opencode --plugin. The way back: the same with --undo.";
  return `${way}\nexport { Loci } from ${JSON.stringify(new URL("plugins/opencode/loci.js", ourPackage()).href)};\n`;
}

/** Claude Code's settings: the person's, and in a project those that stay on this machine. */
export function settingsFile(project: boolean, { env, person, folder }: Whereabouts): string {
  return project
    ? join(folder, ".claude", "settings.local.json")
    : join(env["CLAUDE_CONFIG_DIR"] || join(person, ".claude"), "settings.json");
}

/** Where Claude Code finds the plugin, and that it is to load it: from where it is installed, without a copy. */
export function settingsTarget(project: boolean): Target {
  const path = fileURLToPath(ourPackage()).replace(/[/\\]$/, "");
  return {
    client: "claude-code",
    title: "Claude Code",
    asked: `loci connect claude-code --plugin${project ? " --project" : ""}`,
    entries: [
      { path: ["extraKnownMarketplaces", "loci"], value: { source: { source: "directory", path } } },
      { path: ["enabledPlugins", "loci@loci"], value: true },
    ],
    next: project
      ? "Start Claude Code anew; it loads the plugin once you trust this folder."
      : "Start Claude Code anew; /plugin shows it there.",
  };
}

/** The package's folder, wherever this file came to stand when it was bundled. */
function ourPackage(): URL {
  for (let folder = new URL(".", import.meta.url); ; folder = new URL("..", folder)) {
    if (existsSync(new URL("plugins/opencode/loci.js", folder))) return folder;
    if (folder.pathname === "/") throw new Error("The package is not whole: plugins is missing.");
  }
}
