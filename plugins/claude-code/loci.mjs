// Runs Loci, wherever it is installed, in this process: beside this plugin, in the package it came with; as the `loci`
// of the PATH; else, for the tool server only, what npx brings. Where there is none, a hook does nothing.
import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const main = join("dist", "doors", "cli", "main.js");

function installed() {
  const beside = join(import.meta.dirname ?? dirname(process.argv[1]), "..", "..", main);
  if (existsSync(beside)) return beside;
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const link = join(folder, "loci");
    if (existsSync(link)) {
      const file = realpathSync(link);
      if (file.endsWith(main)) return file;
    }
    // Windows has a script there, and the package beside it.
    const packaged = join(folder, "node_modules", "loci", main);
    if (existsSync(packaged)) return packaged;
  }
  return undefined;
}

const file = installed();
if (file !== undefined) await import(pathToFileURL(file).href);
else if (process.argv[2] === "mcp") {
  const shell = process.platform === "win32";
  const child = spawn("npx", ["-y", "loci", ...process.argv.slice(2)], { stdio: "inherit", shell });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", () => process.exit(1));
  child.on("exit", (code) => process.exit(code ?? 1));
}
