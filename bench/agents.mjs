// What recording adds to a run of the real agent programs, against the scripted model: recorded and unrecorded runs in
// turn, each in a home of its own. Bar: 3 % or 50 ms, whichever is larger. The programs are those of `npm run
// test:agents` (LOCI_TEST_AGENTS names another folder). Prints lines and, last, one JSON object. `--quick`: fewer runs.
// Names behind it choose among the programs: a file each in bench/agents/.
import { readdirSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";

const quick = process.argv.includes("--quick");
const names = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const all = readdirSync(join(import.meta.dirname, "agents")).flatMap((file) =>
  file.endsWith(".mjs") ? [file.slice(0, -".mjs".length)] : [],
);
const result = { load: loadavg()[0] };
for (const name of all.filter((one) => names.length === 0 || names.includes(one))) {
  const { measure } = await import(`./agents/${name}.mjs`);
  console.log(name);
  result[name] = await measure({ quick });
}
if (Object.keys(result).length < 2) throw new Error(`Nothing was measured: there are ${all.join(", ")}.`);
console.log(JSON.stringify(result));
