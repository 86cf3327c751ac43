// Makes the linter's layer rules from the table in docs/MAP.md. `node scripts/layers.mjs` writes them into
// .oxlintrc.json; test/house/layers.test.ts fails when somebody forgot to.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../", import.meta.url);

/** The rows of the map: `{ folder, may, types }`, where `types` are layers of which only types may be imported. */
export function readMap(text = readFileSync(new URL("docs/MAP.md", root), "utf8")) {
  return [...text.matchAll(/^\| `([^`]+)` +\| .* \| ([^|]+?) *\|$/gm)].map(([, folder, cell]) => {
    const words = cell === "nothing" || cell === "–" ? [] : cell.split(",").map((word) => word.trim());
    const types = words.filter((word) => word.endsWith(" (type)")).map((word) => word.slice(0, -7));
    return { folder, may: words.filter((word) => !word.endsWith(" (type)")), types };
  });
}

/** The files that stand directly in `src`; `errors.ts` is everybody's. */
export function entranceNames() {
  const files = readdirSync(new URL("src/", root)).filter(
    (name) => name.endsWith(".ts") && name !== "errors.ts",
  );
  return files.map((name) => name.slice(0, -3)).sort();
}

/** One override of `no-restricted-imports` for each folder of `src`. */
export function layerRules(map = readMap()) {
  const layers = map.filter((row) => row.folder.startsWith("src/")).map((row) => row.folder.slice(4));
  const entrances = entranceNames();
  return map
    .filter((row) => row.folder === "src" || row.folder.startsWith("src/"))
    .map(({ folder, may, types }) => {
      const own = folder === "src" ? entrances : [folder.slice(4)];
      const closed = [...layers, ...entrances].filter(
        (layer) => !may.includes(layer) && !own.includes(layer),
      );
      const refused = closed.filter((layer) => !types.includes(layer));
      const up = folder === "src" ? "\\./" : "(\\.\\./)+";
      const patterns = [
        { names: refused, extra: {} },
        { names: types, extra: { allowTypeImports: true } },
      ]
        .filter(({ names }) => names.length > 0)
        .map(({ names, extra }) => ({
          regex: `^${up}(${names.join("|")})(/|\\.ts$)`,
          message: `${folder} may import: ${[...may, ...types.map((name) => `types of ${name}`)].join(", ") || "nothing of ours"} (docs/MAP.md).`,
          ...extra,
        }));
      return {
        files: [folder === "src" ? "src/*.ts" : `${folder}/**/*.ts`],
        rules: { "no-restricted-imports": ["error", { patterns }] },
      };
    });
}

/** What stands in the configuration beside the layers. */
export function otherOverrides(overrides) {
  return overrides.filter((override) => override.rules["no-restricted-imports"] === undefined);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = new URL(".oxlintrc.json", root);
  const config = JSON.parse(readFileSync(file, "utf8"));
  config.overrides = [...otherOverrides(config.overrides), ...layerRules()];
  writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`);
  execFileSync("npx", ["biome", "format", "--write", ".oxlintrc.json"], {
    cwd: fileURLToPath(root),
    stdio: "inherit",
  });
}
