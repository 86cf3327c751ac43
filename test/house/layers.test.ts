import { readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { entranceNames, layerRules, otherOverrides, readMap } from "../../scripts/layers.mjs";
import { filesBelow, read, root, trackedFiles } from "../support/tools.ts";

const map = readMap();
const layers = map.filter(({ folder }) => folder.startsWith("src"));

/** `domains/x.ts` is of layer `domains`; `open.ts` of itself. */
const layerOf = (path: string): string =>
  (path.split("/").length > 2 ? path.split("/")[1] : path.split("/")[1]?.slice(0, -3)) ?? "";

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function importsOf(path: string): Import[] {
  const text = read(path);
  const still = [...text.matchAll(/^\s*(import|export)\s+(type\s)?[^;"']*?from\s+["'](\.[^"']+)["']/gm)];
  const moving = [...text.matchAll(/\bimport\(\s*["'](\.[^"']+)["']/g)];
  return [
    ...still.map(([, , type, to]) => ({ to: to ?? "", typeOnly: type !== undefined })),
    ...moving.map(([, to]) => ({ to: to ?? "", typeOnly: false })),
  ].map(({ to, typeOnly }) => ({ from: path, to: normalize(join(dirname(path), to)), typeOnly }));
}

function broken({ from, to, typeOnly }: Import): boolean {
  const row = layers.find(({ folder }) =>
    from.split("/").length > 2 ? folder === `src/${layerOf(from)}` : folder === "src",
  );
  const target = layerOf(to);
  if (!row || target === "errors" || target === layerOf(from) || row.may.includes(target)) return false;
  if (row.folder === "src") return !entranceNames().includes(target);
  return !(typeOnly && row.types.includes(target));
}

describe("the map", () => {
  test("names every folder", async () => {
    const tops = new Set(
      (await trackedFiles()).filter((path) => path.includes("/")).map((path) => path.split("/")[0]),
    );
    const inside = readdirSync(join(root, "src"), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    const folders = [...tops, ...inside.map(({ name }) => `src/${name}`)];
    expect(folders.length).toBeGreaterThan(5);
    expect(folders.filter((folder) => !map.some((row) => row.folder === folder))).toEqual([]);
  });

  test("and the linter's rules say the same; node scripts/layers.mjs writes them", () => {
    const { overrides } = JSON.parse(read(".oxlintrc.json")) as {
      overrides: Parameters<typeof otherOverrides>[0];
    };
    expect(layers.length).toBeGreaterThan(7);
    expect(overrides).toEqual([...otherOverrides(overrides), ...layerRules()]);
  });

  test("is what the code does, dynamic imports and all", () => {
    const files = filesBelow("src", ".ts");
    const imports = files.flatMap(importsOf);
    expect(imports.length).toBeGreaterThan(files.length / 2);
    expect(imports.filter(broken).map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });
});

describe("the budget", () => {
  const lengths = filesBelow("src", ".ts")
    .map((path) => ({ path, lines: read(path).split("\n").length - 1 }))
    .sort((a, b) => a.lines - b.lines);
  const at = (share: number): number =>
    lengths[Math.floor((lengths.length - 1) * share)]?.lines ?? Number.NaN;

  test("of a file holds: 300 lines at most, 220 for nine in ten, 150 in the middle", () => {
    expect(lengths.length).toBeGreaterThan(10);
    expect(lengths.filter(({ lines }) => lines > 300)).toEqual([]);
    expect(at(0.9)).toBeLessThanOrEqual(270);
    expect(at(0.5)).toBeLessThanOrEqual(150);
  });

  test("of unfinished work is zero", () => {
    const marks = filesBelow("src", ".ts").filter((path) => /\b(TODO|FIXME|XXX|HACK)\b/.test(read(path)));
    expect(marks).toEqual([]);
  });
});
