// Bundles the MCP server, with the protocol's SDK, so that who installs Loci installs no SDK and the server starts
// fast: `start-mcp.js`, which is the command line with the server in it. Part of `npm run build`,
// behind tsc; what tsc alone makes runs where the SDK is installed. The licences of what is inside stand at the head.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const doors = fileURLToPath(new URL("../dist/doors/", import.meta.url));

/**
 * The SDK's validator of JSON Schema is for schemas of tools and forms, which our server does not hand to it: it reads
 * arguments itself. Left out it makes the SDK a third smaller.
 */
function withoutValidator(found) {
  return {
    name: "without-validator",
    transform(code, id) {
      if (!/@modelcontextprotocol\/server\/dist\/ajvProvider-/.test(id)) return null;
      const [, name] = /\bAjvJsonSchemaValidator as (\w+)/.exec(code) ?? [];
      if (name === undefined) throw new Error("The SDK's validator is not where it was.");
      found.push(id);
      const said = "JSON Schema is not checked by this server.";
      return `class Left { getValidator() { throw new Error("${said}"); } }\nexport { Left as ${name} };`;
    },
  };
}

/** What is imported when it is needed stays where it is, except the server itself. */
function laterStays(folder) {
  return {
    name: "later-stays",
    resolveId(source, importer, { kind }) {
      if (kind !== "dynamic-import" || importer === undefined) return null;
      if (source.endsWith("commands/mcp.js") || source.startsWith("node:")) return null;
      const path = relative(folder, resolve(dirname(importer), source));
      return { id: path.startsWith(".") ? path : `./${path}`, external: true };
    },
  };
}

async function bundle(path) {
  const file = join(doors, path);
  const found = [];
  const plugins = [withoutValidator(found), laterStays(dirname(file))];
  const made = await rolldown({ input: file, platform: "node", logLevel: "warn", plugins });
  const { output } = await made.generate({ format: "esm", minify: true, codeSplitting: false });
  await made.close();
  const [chunk, ...more] = output;
  if (more.length > 0) throw new Error(`One file was expected, not ${output.length}.`);
  if (found.length === 0) throw new Error("The SDK's validator was not found.");
  const code = chunk.code.replace(/\n?\/\/# sourceMappingURL=.*$/m, "");
  return { file, text: `/*!\nBundled into this file:\n\n${notices(chunk)}\n*/\n${code}` };
}

/** The licences of the packages whose code is in the bundle. */
function notices({ modules }) {
  const packages = new Map();
  for (const module of Object.keys(modules)) {
    const at = module.lastIndexOf("node_modules/");
    if (at < 0) continue;
    const words = module.slice(at + "node_modules/".length).split("/");
    const name = words[0].startsWith("@") ? `${words[0]}/${words[1]}` : words[0];
    packages.set(name, join(module.slice(0, at), "node_modules", name));
  }
  if (packages.size < 3) throw new Error(`The bundle holds ${packages.size} packages: that cannot be all.`);
  return [...packages]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, place]) => {
      const { version, license } = JSON.parse(readFileSync(join(place, "package.json"), "utf8"));
      const text = readFileSync(join(place, "LICENSE"), "utf8").replaceAll("*/", "* /").trim();
      return `${name} ${version} (${license})\n\n${text}`;
    })
    .join("\n\n----\n\n");
}

const { file, text } = await bundle("cli/start-mcp.js");
writeFileSync(file, text);
// The same server for who was not started by it; a bundle of its own would be half a megabyte more.
writeFileSync(
  join(doors, "mcp", "serve.js"),
  'export { serveHttp, serveTools } from "../cli/start-mcp.js";\n',
);
// These are inside now, and would name a package that is not installed.
for (const name of ["sdk.js", "server.js"]) rmSync(join(doors, "mcp", name), { force: true });
writeFileSync(join(doors, "mcp", "sdk.d.ts"), "export type Server = object;\n");
