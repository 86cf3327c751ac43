import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./tools.ts";

/**
 * Why the Turso engine cannot be tested here, or undefined. Its packages have 180 MB, so they are in test/servers; a
 * link stands where `npm install @tursodatabase/database` would have put them.
 */
export function missingTurso(): string | undefined {
  for (const name of ["@tursodatabase/database", "@tursodatabase/sync"]) {
    const place = join(root, "node_modules", name);
    if (existsSync(place)) continue;
    const there = join(root, "test/servers/node_modules", name);
    if (!existsSync(there)) {
      const reason = `there is no ${name}: npm ci --prefix test/servers --ignore-scripts brings it.`;
      if (process.env["LOCI_TEST_STRICT"] === "1") throw new Error(reason);
      return reason;
    }
    mkdirSync(dirname(place), { recursive: true });
    try {
      symlinkSync(there, place, "junction");
    } catch (error) {
      // Another test file was faster.
      if (!existsSync(place)) throw error;
    }
  }
  return undefined;
}
