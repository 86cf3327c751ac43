// Writes the pages of the docs, and the parts of pages, that are made from the code. Build first:
// `npm run build && node scripts/docs.mjs`.
import { readFileSync, writeFileSync } from "node:fs";
import { reference } from "../dist/doors/cli/reference.js";
import { toolReference } from "../dist/doors/mcp/reference.js";
import { declarationTable } from "../dist/record/sources/declared.js";

writeFileSync(new URL("../docs/cli.md", import.meta.url), reference());

const page = new URL("../docs/mcp.md", import.meta.url);
const parts = readFileSync(page, "utf8").split(/(?<=<!-- tools:[^>]*-->\n)(?:[^]*)(?=<!-- end of tools -->)/);
if (parts.length !== 2) throw new Error("docs/mcp.md has no place for its table of tools.");
writeFileSync(page, `${parts[0]}\n${toolReference()}\n\n${parts[1]}`);

const imports = new URL("../docs/import.md", import.meta.url);
const around = readFileSync(imports, "utf8").split(
  /(?<=<!-- sources:[^>]*-->\n)(?:[^]*)(?=<!-- end of sources -->)/,
);
if (around.length !== 2) throw new Error("docs/import.md has no place for its table of sources.");
writeFileSync(imports, `${around[0]}\n${declarationTable()}\n\n${around[1]}`);
