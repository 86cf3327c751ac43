// Writes the pages of the docs that are made from the code. Build first: `npm run build && node scripts/docs.mjs`.
import { writeFileSync } from "node:fs";
import { reference } from "../dist/doors/cli/reference.js";

writeFileSync(new URL("../docs/cli.md", import.meta.url), reference());
