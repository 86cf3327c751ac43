#!/usr/bin/env node
import { readFileSync } from "node:fs";
import * as module from "node:module";

// Nothing else is imported before it is known what is wanted: `loci --version` costs what a bare Node costs.
const [first, ...more] = process.argv.slice(2);
if ((first === "--version" || first === "version") && more.length === 0) {
  const manifest = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  process.stdout.write(`${/"version": "([^"]+)"/.exec(manifest)?.[1] ?? "unknown"}\n`);
} else {
  // Node 22.1 and later keep the compiled code of our files between runs.
  if ("enableCompileCache" in module && typeof module.enableCompileCache === "function") {
    module.enableCompileCache();
  }
  const { start } = await (first === "mcp"
    ? more.length === 0 || (more.length === 1 && more[0] === "--record")
      ? import("./start-mcp-early.ts")
      : import("./start-mcp.ts")
    : first === "hook" && more.length === 1 && !more[0]?.startsWith("-")
      ? import("./start-hook.ts")
      : import("./start.ts"));
  await start();
}
