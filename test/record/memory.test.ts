import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { open } from "../../dist/index.js";

test("a recorder of a store in memory leaves no folder behind when the store is closed", async () => {
  const [folder, before] = [mkdtempSync(join(tmpdir(), "loci-memory-")), process.env["TMPDIR"]];
  process.env["TMPDIR"] = folder;
  try {
    const loci = await open("memory:");
    const recorder = loci.recorder();
    recorder.record({ kind: "message", sessionId: "a", role: "user", content: "zebra" });
    await recorder.flush();
    expect(readdirSync(folder)).toHaveLength(1);
    expect((await loci.search("zebra")).items).toHaveLength(1);
    await recorder.close();
    await loci.close();
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
    rmSync(folder, { recursive: true, force: true });
  }
  expect(existsSync(folder)).toBe(false);
});
