import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface Input {
  readonly kind: string;
  readonly sql: string;
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "0": "\0", "\\": "\\" };

/** One input a line, under a heading `# kind: …`; `\n`, `\r`, `\t`, `\0`, `\ufeff` and `\\` as in JavaScript. */
export function inputs(name: string): Input[] {
  let kind = "";
  return readFileSync(fileURLToPath(new URL(`./${name}.txt`, import.meta.url)), "utf8")
    .split("\n")
    .flatMap((line) => {
      if (line.startsWith("# ")) kind = line.slice(2).split(":")[0] ?? "";
      if (line === "" || line.startsWith("# ")) return [];
      const sql = line.replace(/\\(u[0-9a-f]{4}|.)/g, (_, escape: string) =>
        escape.startsWith("u")
          ? String.fromCharCode(Number.parseInt(escape.slice(1), 16))
          : (escapes[escape] ?? escape),
      );
      return [{ kind, sql }];
    });
}
