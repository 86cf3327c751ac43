import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pages } from "../../scripts/spec.mjs";
import { read, root, run } from "../support/tools.ts";
import { blocksOf } from "./blocks.ts";

const spec = blocksOf("docs/SPEC.md", read("docs/SPEC.md"));
const answers = spec.filter(({ note }) => note?.startsWith("answer: "));
const folder = mkdtempSync(join(tmpdir(), "loci-spec-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function loci(command: string): Promise<{ code: number; answer: unknown }> {
  const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? "");
  const args = words.slice(1).map((word) => (word === "FILE" ? join(folder, "spec.jsonl") : word));
  const env = { PATH: process.env["PATH"], HOME: folder, NO_COLOR: "1" };
  const ran = await run(process.execPath, [join(root, "dist/doors/cli/main.js"), ...args], {
    env,
    cwd: folder,
  });
  return { code: ran.code, answer: JSON.parse(ran.code === 0 ? ran.stdout : ran.stderr) };
}

/** Fields that the page promises and the answer does not have, or has as something else. Null promises nothing. */
function broken(promised: unknown, answer: unknown, at = "answer"): string[] {
  if (promised === null) return answer === undefined ? [`${at} is missing`] : [];
  if (Array.isArray(promised)) {
    if (!Array.isArray(answer)) return [`${at} is no list`];
    if (promised.length > 0 && answer.length === 0) return [`${at} is empty`];
    return promised.flatMap((item: unknown, i) => broken(item, answer[i], `${at}[${i}]`));
  }
  if (typeof promised === "object") {
    if (typeof answer !== "object" || answer === null) return [`${at} is ${JSON.stringify(answer)}`];
    const fields = new Map(Object.entries(answer));
    return Object.entries(promised).flatMap(([name, value]) =>
      broken(value, fields.get(name), `${at}.${name}`),
    );
  }
  return typeof answer === typeof promised ? [] : [`${at} is ${JSON.stringify(answer)}`];
}

describe("docs made from the code", () => {
  test("say what the code says; npm run build && node scripts/spec.mjs writes them", async () => {
    const { pages: made, made: parts } = await pages();
    expect(parts).toBeGreaterThanOrEqual(4);
    expect(made.size).toBeGreaterThanOrEqual(3);
    for (const [path, text] of made) expect(read(path), path).toBe(text);
  });

  test("describe every collection, and every view with every column", () => {
    const text = read("docs/SPEC.md");
    for (const name of [
      "sessions",
      "messages",
      "tool_executions",
      "model_calls",
      "raw_events",
      "imported_files",
      "ledger",
      "search_pending",
      "search_segments",
      "agent_memory",
      "knowledge",
      "checkpoints",
    ]) {
      expect(text).toContain(`#### ${name}\n`);
    }
    expect([...read("docs/sql.md").matchAll(/^### v_\w+$/gm)].length).toBe(5);
  });
});

describe("the answers for programs", () => {
  beforeAll(() => {
    const [lines] = spec.filter(({ language }) => language === "jsonl");
    writeFileSync(join(folder, "spec.jsonl"), lines?.text ?? "");
  });

  test("are all in the page", () => {
    expect(answers.length).toBeGreaterThanOrEqual(8);
  });

  test.each(answers.map(({ note = "", text }) => ({ command: note.slice(8), text })))(
    "$command",
    async ({ command, text }) => {
      const promised: unknown = JSON.parse(text);
      const { code, answer } = await loci(command);
      expect(broken(promised, answer)).toEqual([]);
      expect(code === 0).toBe(!text.includes('"error": {'));
      // What was imported is what is answered, to the letter.
      if (/^loci (import|ls|sql|cost)/.test(command)) expect(answer).toMatchObject(promised as object);
    },
  );
});
