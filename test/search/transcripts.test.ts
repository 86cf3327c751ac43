import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Loci, open } from "../../dist/index.js";

const folder = mkdtempSync(join(tmpdir(), "loci-search-"));
const samples = new URL("../../samples/projects", import.meta.url).pathname;
let loci: Loci;

beforeAll(async () => {
  loci = await open(join(folder, "loci.db"));
  const { messages } = await loci.import([samples]);
  expect(messages).toBeGreaterThan(500);
});
afterAll(async () => {
  await loci.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("real transcripts", () => {
  test.each<[question: string, evidence: RegExp]>([
    ["why did the push fail without an upstream branch", /no \[upstream\] \[branch\]/],
    ["which test found that messages are duplicated by the second sync", /duplicate|idempoten|\[messages\]/i],
    ["undefined function session_status_badge", /\[session_status_badge\]/],
    ["reloadTranscript", /\[reload_transcript\]/],
    ["what did the compile error say about an unused alias", /\[unused\] \[alias\]/],
    ["tool:Bash is:error git push", /\[push\]/],
    ['"no upstream branch"', /\[no\] \[upstream\] \[branch\]/],
  ])("%s", async (question, evidence) => {
    const { items } = await loci.search(question, { limit: 5 });
    expect(items.length).toBeGreaterThan(0);
    expect(items.map((item) => item.snippet).join("\n")).toMatch(evidence);
  });

  test("are all searchable when the import is over", async () => {
    const { items, lag, total } = await loci.search("role:user role:assistant role:tool", { limit: 500 });
    expect(lag).toBe(0);
    expect(items.length).toBeGreaterThan(400);
    expect(total).toBe(items.length);
  });
});
