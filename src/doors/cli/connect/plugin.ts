import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Whereabouts } from "./clients.ts";

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
  return `${way}\nexport { Loci } from ${JSON.stringify(ourPlugin())};\n`;
}

/** Wherever this file came to stand when it was bundled. */
function ourPlugin(): string {
  for (let folder = new URL(".", import.meta.url); ; folder = new URL("..", folder)) {
    const plugin = new URL("plugins/opencode/loci.js", folder);
    if (existsSync(plugin)) return plugin.href;
    if (folder.pathname === "/") throw new Error("The package is not whole: plugins/opencode is missing.");
  }
}
