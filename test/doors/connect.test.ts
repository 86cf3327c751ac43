import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { clientNames, clients, type ClientName } from "../../dist/doors/cli/connect/clients.js";
import { insertedIn, listName, makeWorld, type World } from "./connect-world.ts";

let world: World;
beforeEach(() => {
  world = makeWorld();
});
afterEach(() => world.end());

/** A client's file in one of the manners that people keep it in. */
type Manner = (list: string, toml: boolean) => string | undefined;

const other = {
  json: '"other": {"command": "other", "args": []}',
  toml: '[mcp_servers.other]\ncommand = "other"\n',
};

const manners: Readonly<Record<string, Manner>> = {
  "no file": () => undefined,
  "an empty file": () => "",
  "a file of space": () => "\n \n",
  "a file with other servers": (list, toml) =>
    toml
      ? `model = "m"\n\n${other.toml}\n[profiles.x]\nmodel = "n"\n`
      : `{\n  "theme": "dark",\n  "${list}": {\n    ${other.json}\n  },\n  "last": [1, 2]\n}\n`,
  "comments and trailing commas": (list, toml) =>
    toml
      ? `# mine\nmodel = "m" # the model\nlist = [\n  1, # one\n  2,\n]\n${other.toml}# the end`
      : `// mine\n{\n  /* all */ "${list}": {\n    ${other.json}, // keep\n    // "off": {},\n  },\n  "a": [1, 2,],\n}\n// end\n`,
  "a comment behind the last one": (list, toml) =>
    toml ? `[a]\nb = 'c' # d\n` : `{\n  "${list}": {\n    ${other.json} // keep\n  }\n}\n`,
  CRLF: (list, toml) =>
    (toml ? `model = "m"\n\n${other.toml}` : `{\n  "${list}": {\n    ${other.json}\n  }\n}\n`).replaceAll(
      "\n",
      "\r\n",
    ),
  tabs: (list, toml) =>
    toml ? `[a]\n\tb = 1\n\n${other.toml}` : `{\n\t"a": {},\n\t"${list}": {\n\t\t${other.json}\n\t}\n}\n`,
  "no newline at the end": (list, toml) =>
    toml ? `model = "m"` : `{\n    "${list}": {\n        ${other.json}\n    }\n}`,
  "one line": (list, toml) => (toml ? `a.b = {c = 1}` : `{"x":1,"${list}":{${other.json}}}`),
  "nothing in it yet": (list, toml) => (toml ? `# nothing\n` : `{\n  "${list}": {}\n}\n`),
  "an empty object": (_, toml) => (toml ? `\n` : `{}`),
  "a byte order mark": (list, toml) =>
    `\ufeff${toml ? other.toml : `{\n  "${list}": { ${other.json} }\n}\n`}`,
};

/** By hand and not by our reader: the comments and commas of the texts above are taken out. */
function parsed(text: string): Record<string, Record<string, unknown>> {
  const bare = text
    .replace(/^\ufeff/, "")
    .replace(/\/\*.*?\*\//g, "")
    .replace(/(^|\s)\/\/.*$/gm, "")
    .replace(/,(\s*[}\]])/g, "$1");
  return JSON.parse(bare) as Record<string, Record<string, unknown>>;
}

describe.each(clientNames)("%s", (client: ClientName) => {
  const list = listName(client);
  const toml = client === "codex";
  const end = (text: string): string => (text.includes("\r\n") ? "\r\n" : "\n");

  test.each(Object.keys(manners))(
    "%s: the difference first, then the entry, then the way back",
    async (manner) => {
      const before = manners[manner]?.(list, toml);
      if (before !== undefined) world.put(client, before);
      const dry = await world.connect(client, "--dry-run");
      expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining("+++ ") as unknown });
      expect(world.bytes(client)?.toString()).toBe(before);

      const done = await world.connect(client, "--yes");
      expect(done).toMatchObject({ code: 0, stdout: dry.stdout });
      const after = world.bytes(client)?.toString() ?? "";
      const put = insertedIn(before ?? "", after);
      expect(put).toContain("loci");
      expect(put.replaceAll("\r\n", "")).not.toMatch(end(after) === "\r\n" ? /[\r\n]/ : /\r/);
      for (const line of put.split(/\r?\n/).filter((one) => one.trim() !== "" && one !== ","))
        expect(done.stdout).toContain(line.trim());
      if (toml) expect(put).toMatch(/\[mcp_servers\.loci\]\r?\ncommand = ".+"\r?\nargs = \[".+"\]\r?\n/);
      else {
        expect(Object.keys(parsed(after)[list]?.["loci"] ?? {})).toEqual(
          Object.keys(clients[client].fields(["node", "mcp"])),
        );
        if (before?.includes("other"))
          expect(parsed(after)[list]?.["other"]).toEqual({ command: "other", args: [] });
      }

      const again = await world.connect(client, "--yes");
      expect(again).toMatchObject({ code: 0, stdout: "" });
      expect(again.stderr).toContain("already connected");
      expect(world.bytes(client)?.toString()).toBe(after);

      const undone = await world.connect(client, "--undo", "--yes");
      expect(undone).toMatchObject({ code: 0, stderr: expect.stringContaining("as it was") as unknown });
      expect(world.bytes(client)?.toString()).toBe(before);
      expect(await world.connect(client, "--undo", "--yes")).toMatchObject({ code: 3 });
      if (before === undefined) expect(readdirSync(world.home).sort()).toEqual([".loci", "project"]);
    },
  );

  test("a file with a fault is not touched, and it is said where the fault is", async () => {
    const broken = toml
      ? [
          "a = ",
          "[a",
          "[a]\n[a]\n",
          "a = 1\na = 2\n",
          'a = "x\n',
          "a = 1 b = 2\n",
          "mcp_servers = 1\n",
          "mcp_servers = {}\n",
          "a = [1,, 2]\n",
          "= 1\n",
          "a = 01\n",
        ]
      : [
          "{",
          `{"${list}": {}`,
          `{"a" 1}`,
          `{"a": 1 "b": 2}`,
          "{,}",
          "[]",
          `{"${list}": []}`,
          `{"${list}": {"loci": 1}}`,
          `{"a": tru}`,
          `{} {}`,
          `{/* }`,
          `{"a": "x\n"}`,
          `{"a": '1'}`,
          `{"${list}": {}, "${list}": {}}`,
          "[".repeat(5_000),
        ];
    for (const text of broken) {
      const file = world.put(client, text);
      const { mtimeMs, ino } = statSync(file);
      const ran = await world.connect(client, "--yes");
      expect({ text: text.slice(0, 60), ...ran }).toMatchObject({
        text: text.slice(0, 60),
        code: 4,
        stdout: "",
      });
      expect(ran.stderr).toContain(file.replace(world.home, ""));
      expect(readFileSync(file, "utf8")).toBe(text);
      expect(statSync(file)).toMatchObject({ mtimeMs, ino });
    }
    expect(existsSync(join(world.home, ".loci"))).toBe(false);
  });
});
