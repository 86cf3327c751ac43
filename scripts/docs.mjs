// Writes the pages of the docs, and the parts of pages, that are made from the code. Build first:
// `npm run build && node scripts/docs.mjs`.
import { readFileSync, writeFileSync } from "node:fs";
import { reference } from "../dist/doors/cli/reference.js";
import { toolReference } from "../dist/doors/mcp/reference.js";
import { declarationTable, telemetryDeclarations } from "../dist/record/sources/declared.js";

writeFileSync(new URL("../docs/cli.md", import.meta.url), reference());

const page = new URL("../docs/mcp.md", import.meta.url);
const parts = readFileSync(page, "utf8").split(/(?<=<!-- tools:[^>]*-->\n)(?:[^]*)(?=<!-- end of tools -->)/);
if (parts.length !== 2) throw new Error("docs/mcp.md has no place for its table of tools.");
writeFileSync(page, `${parts[0]}\n${toolReference()}\n\n${parts[1]}`);

fill("import.md", "sources", declarationTable());
fill("opentelemetry.md", "telemetry", declarationTable(telemetryDeclarations));

/** Writes a table between its marks in a page. */
function fill(name, mark, table) {
  const file = new URL(`../docs/${name}`, import.meta.url);
  const between = new RegExp(`(?<=<!-- ${mark}:[^>]*-->\\n)(?:[^]*)(?=<!-- end of ${mark} -->)`);
  const around = readFileSync(file, "utf8").split(between);
  if (around.length !== 2) throw new Error(`docs/${name} has no place for its table.`);
  writeFileSync(file, `${around[0]}\n${table}\n\n${around[1]}`);
}
