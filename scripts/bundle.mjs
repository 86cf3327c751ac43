// Bundles the MCP server, with the protocol's SDK, into one file, so that who installs Loci installs no SDK and the
// server starts fast. Part of `npm run build`, behind tsc; what tsc alone makes runs where the SDK is installed. The
// licences of what is inside stand at the head of the file.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const file = fileURLToPath(new URL("../dist/doors/mcp/serve.js", import.meta.url));

/**
 * The SDK's validator of JSON Schema is for schemas of tools and forms, which our server does not hand to it: it reads
 * arguments itself. Left out it makes the file half as large, and the start 40 ms shorter.
 */
const withoutValidator = {
  name: "without-validator",
  transform(code, id) {
    if (!/@modelcontextprotocol\/server\/dist\/ajvProvider-/.test(id)) return null;
    const [, name] = /\bAjvJsonSchemaValidator as (\w+)/.exec(code) ?? [];
    if (name === undefined) throw new Error("The SDK's validator is not where it was.");
    left = true;
    const said = "JSON Schema is not checked by this server.";
    return `class Left { getValidator() { throw new Error("${said}"); } }\nexport { Left as ${name} };`;
  },
};
let left = false;
const bundle = await rolldown({
  input: file,
  platform: "node",
  logLevel: "warn",
  plugins: [withoutValidator],
});
const { output } = await bundle.generate({ format: "esm", minify: true, codeSplitting: false });
await bundle.close();
if (!left) throw new Error("The SDK's validator was not found.");

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
  .map(([name, place]) => {
    const { version, license } = JSON.parse(readFileSync(join(place, "package.json"), "utf8"));
    const text = readFileSync(join(place, "LICENSE"), "utf8").replaceAll("*/", "* /").trim();
    return `${name} ${version} (${license})\n\n${text}`;
  });
const head = `/*!\nBundled into this file:\n\n${notices.join("\n\n----\n\n")}\n*/\n`;
writeFileSync(file, head + chunk.code.replace(/\n?\/\/# sourceMappingURL=.*$/m, ""));
// These are inside now, and would name a package that is not installed.
const folder = dirname(file);
for (const name of ["sdk.js", "server.js"]) rmSync(join(folder, name), { force: true });
writeFileSync(join(folder, "sdk.d.ts"), "export type Server = object;\n");
