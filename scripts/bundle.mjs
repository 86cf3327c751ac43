// Bundles the command line, so that it starts fast, the cache's first tier with its library, and the MCP server with the protocol's SDK, so that who installs
// Loci installs neither and the server starts fast: `start-mcp.js` is the command line with the server in it. Part of
// `npm run build`, behind tsc; what tsc alone makes runs where both are installed. The licences of what is inside
// stand at the head.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

/** The cache's first tier, with the library in it: 20 KB instead of a package of 3.6 MB. */
async function bundleCache() {
  const file = fileURLToPath(new URL("../dist/domains/cache/near.js", import.meta.url));
  const own = (source) => source.startsWith(".") || source.startsWith("node:");
  const made = await rolldown({
    input: file,
    platform: "node",
    logLevel: "warn",
    external: (source, importer) =>
      importer !== undefined && own(source) && !importer.includes("node_modules"),
  });
  const { output } = await made.generate({ format: "esm", minify: true, codeSplitting: false });
  await made.close();
  return { file, text: noticed(output[0], 1) };
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
  return { file, text: noticed(chunk, 3) };
}

/** What the command line's parts take from elsewhere: what is a bundle already. */
const ofItsOwn = /\/(domains\/cache\/near|mcp\/serve|cli\/start-mcp)\.js$/;

const beside = (folder, path) =>
  path.startsWith(folder) ? `./${relative(folder, path)}` : relative(folder, path);

/** Packages, and what `elsewhere` names another place for, stay outside; files are found from where they were made. */
function asMade(folder, elsewhere) {
  return {
    name: "as-made",
    resolveId(source, importer, { kind }) {
      if (importer === undefined) return null;
      if (!source.startsWith(".")) return { id: source, external: true };
      const id = elsewhere(resolve(dirname(importer), source), kind);
      return id === undefined ? null : { id, external: "relative" };
    },
    transform(code, id) {
      if (!code.includes("import.meta.url")) return null;
      const made = `new URL(${JSON.stringify(beside(folder, id))}, import.meta.url).href`;
      return code.replaceAll("import.meta.url", made);
    },
  };
}

/** `open()` among the parts of the command line. */
const wholeStore = "part-open";
/** What the start of a session needs of all that is loaded when it is needed. */
const ofTheHook = /\/(reading|engines\/libsql\/(libsql|session))\.js$/;

/** What a hook loads, in one file: an agent waits for it. */
async function bundleHook() {
  const folder = join(doors, "cli");
  const file = join(folder, "start-hook.js");
  const elsewhere = (path, kind) => {
    if (kind !== "dynamic-import" || ofTheHook.test(path)) return undefined;
    return path === join(doors, "..", "open.js") ? `./${wholeStore}.js` : beside(folder, path);
  };
  const plugins = [asMade(folder, elsewhere)];
  const made = await rolldown({ input: file, platform: "node", logLevel: "warn", plugins });
  const { output } = await made.generate({ format: "esm", minify: true, codeSplitting: false });
  await made.close();
  return { file, text: output[0].code };
}

/**
 * The command line in some hundred parts instead of as many modules as it has: `loci ls` loads 30 files, not 260. Threads
 * and children are started from the modules as tsc made them, which each part finds from where it stands.
 */
async function bundleParts() {
  const folder = join(doors, "cli");
  for (const old of readdirSync(folder)) if (/^part-.*\.js$/.test(old)) rmSync(join(folder, old));
  const input = { start: join(folder, "start.js"), [wholeStore]: join(doors, "..", "open.js") };
  const plugins = [asMade(folder, (path) => (ofItsOwn.test(path) ? beside(folder, path) : undefined))];
  const made = await rolldown({ input, platform: "node", logLevel: "warn", plugins });
  const { output } = await made.generate({ format: "esm", minify: true, chunkFileNames: "part-[hash].js" });
  await made.close();
  if (output.length < 20) throw new Error(`${output.length} parts: the command line was not split.`);
  return output.map(({ fileName, code }) => ({ file: join(folder, fileName), text: code }));
}

function noticed(chunk, least) {
  const code = chunk.code.replace(/\n?\/\/# sourceMappingURL=.*$/m, "");
  return `/*!\nBundled into this file:\n\n${notices(chunk, least)}\n*/\n${code}`;
}

/** The licences of the packages whose code is in the bundle. */
function notices({ modules }, least) {
  const packages = new Map();
  for (const module of Object.keys(modules)) {
    const at = module.lastIndexOf("node_modules/");
    if (at < 0) continue;
    const words = module.slice(at + "node_modules/".length).split("/");
    const name = words[0].startsWith("@") ? `${words[0]}/${words[1]}` : words[0];
    packages.set(name, join(module.slice(0, at), "node_modules", name));
  }
  if (packages.size < least)
    throw new Error(`The bundle holds ${packages.size} packages: that cannot be all.`);
  return [...packages]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, place]) => {
      const { version, license } = JSON.parse(readFileSync(join(place, "package.json"), "utf8"));
      const [licence] = readdirSync(place).filter((entry) => /^LICENSE(\.md)?$/.test(entry));
      const text = readFileSync(join(place, licence), "utf8").replaceAll("*/", "* /").trim();
      return `${name} ${version} (${license})\n\n${text}`;
    })
    .join("\n\n----\n\n");
}

const bundles = [
  await bundleCache(),
  await bundle("cli/start-mcp.js"),
  await bundleHook(),
  ...(await bundleParts()),
];
for (const { file, text } of bundles) {
  writeFileSync(file, text);
}
// The same server for who was not started by it; a bundle of its own would be half a megabyte more.
writeFileSync(
  join(doors, "mcp", "serve.js"),
  'export { serveHttp, serveTools } from "../cli/start-mcp.js";\n',
);
// These are inside now, and would name a package that is not installed.
for (const name of ["sdk.js", "server.js"]) rmSync(join(doors, "mcp", name), { force: true });
writeFileSync(join(doors, "mcp", "sdk.d.ts"), "export type Server = object;\n");
