import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

interface Synced {
  readonly file: string;
  readonly size: number;
  readonly at: number;
}

test.runIf(existsSync("/proc/self/fd"))(
  "a loss of power costs at most the last second: what is older is on the disk, without a hole",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "loci-power-"));
    const log = join(folder, "sync.log");
    // The store is away, so that every line stays in the spool and can be looked at; the disk must have it all the same.
    const program = `
      import { createRecorder } from ${JSON.stringify(at("../../dist/record/recorder.js"))};
      const recorder = createRecorder({ spool: ${JSON.stringify(join(folder, "spool"))}, store: "away", opener: ${JSON.stringify(new URL("./sync-shim.mjs", import.meta.url).href)}, warn: false });
      let n = 0;
      setInterval(() => { for (let i = 0; i < 5; i++) recorder.record({ kind: "message", sessionId: "s", role: "user", content: String(++n) }); }, 10);
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      env: { ...process.env, SYNC_LOG: log },
      stdio: "ignore",
    });
    const ended = once(child, "exit");
    const synced = (): Synced[] =>
      existsSync(log)
        ? readFileSync(log, "utf8")
            .split("\n")
            .filter((line) => line !== "")
            .map((line) => JSON.parse(line))
            .filter(({ file }: Synced) => file.endsWith(".spool"))
        : [];
    try {
      await expect.poll(() => synced().length, { timeout: 20_000 }).toBeGreaterThan(12);
    } finally {
      child.kill("SIGKILL");
      await ended;
    }

    const [name = ""] = readdirSync(join(folder, "spool"));
    const lines = readFileSync(join(folder, "spool", name), "utf8")
      .trimEnd()
      .split("\n");
    let end = 0;
    const ends = lines.map((line) => {
      end += Buffer.byteLength(line) + 1;
      return { end, at: Number(/"at":(\d+)\}$/.exec(line)?.[1]) };
    });
    const syncs = synced();
    const last = syncs.at(-1)?.at ?? 0;
    // Appended only, and synced as a whole: what is covered by size has no hole. How long did each line wait?
    const covered = ends.filter((line) => line.at < last - 1_000);
    const waits = covered.map(
      (line) => (syncs.find(({ size }) => size >= line.end)?.at ?? Infinity) - line.at,
    );
    expect(covered.length).toBeGreaterThan(100);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_000);
    rmSync(folder, { recursive: true, force: true });
  },
);
