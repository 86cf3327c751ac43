import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { documentation, filesBelow, read, root, trackedFiles } from "../support/tools.ts";

const sources = filesBelow("src", ".ts").map((path) => ({ path, text: read(path) }));
const manifest = JSON.parse(read("package.json")) as {
  version: string;
  files: string[];
  exports: Record<string, string | Record<string, string>>;
  bin: Record<string, string>;
};

describe("the documentation", () => {
  const words = documentation();

  test("names every error code", () => {
    const codes = [...read("src/errors.ts").matchAll(/^ {2}\| "([a-z-]+)"/gm)].map(([, code]) => code ?? "");
    expect(codes.length).toBeGreaterThan(10);
    expect(codes.filter((code) => !words.includes(`\`${code}\``))).toEqual([]);
  });

  test("and .env.example name every environment variable that the code reads", () => {
    // What the system sets for every program is not ours to document.
    const system =
      /^(HOME|PATH|TERM|SHELL|PAGER|EDITOR|COLUMNS|LINES|TMPDIR|LANG|LC_\w+|XDG_\w+|NODE_\w+|CI|USER|APPDATA)$/;
    const names = new Set(
      sources
        .flatMap(({ text }) => [
          ...text.matchAll(
            /\benv(?:ironment)?(?:\?\.)?(?:\[["']([A-Z][A-Z0-9_]+)["']\]|\.([A-Z][A-Z0-9_]+))/g,
          ),
        ])
        .map(([, quoted, dotted]) => quoted ?? dotted ?? "")
        .filter((name) => !system.test(name)),
    );
    const example = read(".env.example");
    expect(sources.length).toBeGreaterThan(10);
    expect(
      [...names].filter((name) => !words.includes(`\`${name}\``)).map((name) => `${name}: not in docs`),
    ).toEqual([]);
    expect(
      [...names].filter((name) => !/^(NO_COLOR|FORCE_COLOR)$/.test(name) && !example.includes(`${name}=`)),
    ).toEqual([]);
  });

  test("names every subpath of the package", () => {
    const paths = Object.keys(manifest.exports).filter((path) => path !== "./package.json");
    expect(paths.length).toBeGreaterThan(2);
    const names = paths.map((path) => `loci${path.slice(1)}`);
    expect(names.filter((name) => !words.includes(`"${name}"`) && !words.includes(`\`${name}\``))).toEqual(
      [],
    );
  });

  test("has every page in its index", () => {
    const pages = filesBelow("docs", ".md")
      .map((path) => path.slice("docs/".length))
      .filter((page) => page !== "README.md");
    expect(pages.length).toBeGreaterThan(8);
    expect(pages.filter((page) => !read("docs/README.md").includes(`](${page})`))).toEqual([]);
  });

  test("has no link to a page or a heading that is not there", () => {
    const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...filesBelow("docs", ".md")].filter(
      (path) => existsSync(join(root, path)),
    );
    const links = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#([^)\s]+))?\)/g)].map(
        ([, to, heading]) => ({ page, to: to ?? "", heading }),
      ),
    );
    const dead = links.filter(({ page, to, heading }) => {
      const target = join(page, "..", to);
      if (!existsSync(join(root, target))) return true;
      return heading !== undefined && target.endsWith(".md") && !headings(target).includes(heading);
    });
    expect(links.length).toBeGreaterThan(5);
    expect(dead).toEqual([]);
  });
});

function headings(page: string): string[] {
  return [...read(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, text]) =>
    (text ?? "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe("the package's description", () => {
  test("has its version in the changelog, and the changelog speaks for the next one", () => {
    const log = read("CHANGELOG.md");
    expect(log).toMatch(/^## \[Unreleased\]$/m);
    expect(log).toMatch(
      new RegExp(`^## \\[${manifest.version.replaceAll(".", "\\.")}\\] - \\d{4}-\\d\\d-\\d\\d$`, "m"),
    );
  });

  test("promises only files that the build makes", () => {
    const promised = [
      ...Object.values(manifest.exports).flatMap((entry) =>
        typeof entry === "string" ? [entry] : Object.values(entry),
      ),
      ...Object.values(manifest.bin),
    ];
    expect(promised.length).toBeGreaterThan(5);
    expect(promised.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test("lists files that are there", () => {
    expect(manifest.files.length).toBeGreaterThan(3);
    expect(
      manifest.files
        .flatMap(alternatives)
        .map((path) => path.replace(/^!|\/[^/]*\*.*$/g, ""))
        .filter((path) => !existsSync(join(root, path))),
    ).toEqual([]);
  });
});

/** `a/{b,c}` is `a/b` and `a/c`. */
function alternatives(path: string): string[] {
  const [whole = "", names = ""] = /\{([^}]*)\}/.exec(path) ?? [];
  if (whole === "") return [path];
  return names.split(",").flatMap((name) => alternatives(path.replace(whole, name)));
}

describe("tracked files", () => {
  // Recorded material is kept as it was, on purpose.
  const ours = async (): Promise<string[]> =>
    (await trackedFiles()).filter((path) => !/^(test\/fixtures|samples)\/|\.(png|jpg|gz|br|db)$/.test(path));

  test("name no folder of a machine", async () => {
    const files = await ours();
    const here = [root, process.env["HOME"] ?? ""].filter((path) => path.split("/").length > 2);
    const homes =
      /\/(?:home|Users)\/(?!you|me|user|dev|someone|ada|ana|bench|alice|bob|ci|runner|u|x|\$|<|\*|\\|\[|\()[A-Za-z]|(?:^|[\s"'`(=])\/(?:root|work|mnt|data)\/\w/;
    // People who stand in the recorded material may stand in the tests of it.
    const recorded = [...filesBelow("samples"), ...filesBelow("test/fixtures")].filter((path) =>
      /\.(jsonl?|md)$/.test(path),
    );
    const people = new Set(
      recorded.flatMap((path) => [...read(path).matchAll(/\/(?:home|Users)\/\w+/g)].map(([home]) => home)),
    );
    const known = (line: string): boolean => [...people].some((home) => line.includes(`${home}/`));
    const bad = files.flatMap((path) =>
      read(path)
        .split("\n")
        .map((line, number) => ({ at: `${path}:${number + 1}`, line }))
        .filter(
          ({ line }) => (homes.test(line) && !known(line)) || here.some((folder) => line.includes(folder)),
        )
        .map(({ at, line }) => `${at}: ${line.trim().slice(0, 120)}`),
    );
    expect(files.length).toBeGreaterThan(30);
    expect(bad).toEqual([]);
  });

  test("name no host that packages came from", async () => {
    const files = await ours();
    const host =
      /https?:\/\/[^\s"'`)]*(?:registry|artifact|nexus|mirror|verdaccio|proxy)[^\s"'`)]*|"resolved":\s*"|^\s*(?:@\w+:)?registry\s*=/im;
    const open = /registry\.npmjs\.org|www\.npmjs\.com/;
    const bad = files.filter((path) => {
      const hit = host.exec(read(path));
      return hit !== null && !open.test(hit[0]) && !path.startsWith("test/house/");
    });
    expect(bad).toEqual([]);
  });
});
