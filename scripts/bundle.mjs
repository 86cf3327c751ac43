// Bundles the protocol's SDK into the one file of ours that imports it, so that who installs Loci installs no SDK.
// Part of `npm run build`, behind tsc. The licences of what is inside stand at the head of the file.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const file = fileURLToPath(new URL("../dist/doors/mcp/sdk.js", import.meta.url));
const bundle = await rolldown({ input: file, platform: "node", logLevel: "warn" });
const { output } = await bundle.generate({ format: "esm", minify: true, codeSplitting: false });
await bundle.close();

const [chunk, ...more] = output;
if (more.length > 0) throw new Error(`One file was expected, not ${output.length}.`);

/** The packages whose code is in the bundle, each with its licence. */
const packages = new Map();
for (const module of Object.keys(chunk.modules)) {
  const at = module.lastIndexOf("node_modules/");
  if (at < 0) continue;
  const words = module.slice(at + "node_modules/".length).split("/");
  const name = words[0].startsWith("@") ? `${words[0]}/${words[1]}` : words[0];
  packages.set(name, join(module.slice(0, at), "node_modules", name));
}
if (packages.size < 2) throw new Error(`The bundle holds ${packages.size} packages: that cannot be all.`);

const notices = [...packages]
  .sort(([one], [other]) => (one < other ? -1 : 1))
  .map(([name, folder]) => {
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const text = readFileSync(join(folder, "LICENSE"), "utf8").replaceAll("*/", "* /").trim();
    return `${name} ${version} (${license})\n\n${text}`;
  });
const head = `/*!\nBundled into this file:\n\n${notices.join("\n\n----\n\n")}\n*/\n`;
writeFileSync(file, head + chunk.code.replace(/\n?\/\/# sourceMappingURL=.*$/m, ""));
// Its types would name packages that are not installed; nobody imports them.
writeFileSync(join(dirname(file), "sdk.d.ts"), "export {};\n");
