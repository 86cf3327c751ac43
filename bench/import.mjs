// Bench: what a newcomer waits for. `loci` over the sessions of some months: when the newest twenty are listed with
// their cost, when all are, when every line stands in the store, when all of it is searchable; what that takes of the
// processor, of memory and of the disk; and what the next run takes, when nothing or little changed.
// `--quick`: 50 MB instead of 483.
import { spawn } from "node:child_process";
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateTranscripts } from "./generate-transcripts.mjs";

const self = fileURLToPath(import.meta.url);

if (process.argv[2] === "child") {
  await child(process.argv[3], process.argv[4]);
} else {
  await main(process.argv.includes("--quick"));
}

/** One import in a process of its own, as the command line does it. Times count from the start of the process. */
async function child(store, path) {
  const { open } = await import("../dist/index.js");
  const loci = await open(store);
  const marks = {};
  const since = () => Math.round(performance.now());
  const report = await loci.import([path], {
    redact: process.env.BENCH_REDACT === "off" ? { off: true } : {},
    onProgress({ stage, done, files }) {
      if (stage === "list" && done >= Math.min(20, files)) marks.first20 ??= since();
      if (stage === "list" && done === files) marks.listed ??= since();
      if (stage === "read" && done === files) marks.read ??= since();
    },
    onIndex: () => (marks.indexing ??= since()),
  });
  marks.searchable = since();
  const hits = await loci.search("compile warning", { limit: 5 });
  await loci.close();
  const cpu = process.cpuUsage();
  const { problems: _, ...counts } = report;
  const found = (hits.items ?? hits).length;
  const usage = {
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    rssMB: Math.round(process.resourceUsage().maxRSS / 1024),
  };
  console.log(JSON.stringify({ marks, counts, found, ...usage }));
}

function importOnce(store, path) {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const run = spawn(process.execPath, [self, "child", store, path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let out = "";
    run.stdout.setEncoding("utf8").on("data", (chunk) => (out += chunk));
    run.once("exit", (code) => {
      if (code !== 0) reject(new Error(`The import ended with ${code}.`));
      else resolve({ ...JSON.parse(out), seconds: (performance.now() - started) / 1000 });
    });
  });
}

function bytesOf(folder) {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

function aSessionOf(path) {
  const name = readdirSync(path, { recursive: true, encoding: "utf8" }).find((entry) =>
    entry.endsWith(".jsonl"),
  );
  return join(path, name);
}

async function main(quick) {
  const [sessions, megabytes] = quick ? [52, 50] : [500, 483];
  const folder = fileURLToPath(new URL(`.data/transcripts-${megabytes}`, import.meta.url));
  const corpus = generateTranscripts({ folder, sessions, megabytes });
  console.log(
    `${corpus.sessions} sessions, ${(corpus.bytes / 2 ** 20).toFixed(0)} MB, ${corpus.lines} lines`,
  );
  let restore;
  const place = mkdtempSync(join(tmpdir(), "loci-bench-import-"));
  try {
    const store = join(place, "store.db");
    const first = await importOnce(store, corpus.path);
    const { marks, counts } = first;
    if (counts.rawEvents !== corpus.lines || counts.sessions !== corpus.sessions)
      throw new Error("Lines are missing.");
    const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;
    console.log(`newest 20 with cost   ${seconds(marks.first20)}`);
    console.log(`all listed with cost  ${seconds(marks.listed)}`);
    console.log(`every line stored     ${seconds(marks.read)}`);
    console.log(
      `all searchable        ${seconds(marks.searchable)}   (a question finds ${first.found} of 5)`,
    );
    console.log(`processor, memory     ${first.cpuSeconds.toFixed(1)} s, ${first.rssMB} MB at most`);
    const disk = bytesOf(place);
    const ratio = disk / corpus.bytes;
    console.log(
      `disk, with the index  ${(disk / 2 ** 20).toFixed(0)} MB, ${ratio.toFixed(2)} of the transcripts`,
    );
    const again = await importOnce(store, corpus.path);
    console.log(`again, unchanged      ${again.seconds.toFixed(2)} s`);
    const session = aSessionOf(corpus.path);
    const { size, atime, mtime } = statSync(session);
    restore = () => {
      truncateSync(session, size);
      utimesSync(session, atime, mtime);
    };
    const line = `{"type":"user","uuid":"appended-${size}","timestamp":"2026-02-13T00:00:00Z","message":{"content":"one more"}}\n`;
    appendFileSync(session, line);
    const grown = await importOnce(store, corpus.path);
    console.log(`again, one line more  ${grown.seconds.toFixed(2)} s`);
    console.log(
      JSON.stringify({
        sessions,
        megabytes: Math.round(corpus.bytes / 2 ** 20),
        lines: corpus.lines,
        first20Seconds: marks.first20 / 1000,
        listedSeconds: marks.listed / 1000,
        readSeconds: marks.read / 1000,
        searchableSeconds: marks.searchable / 1000,
        cpuSeconds: first.cpuSeconds,
        rssMB: first.rssMB,
        diskRatio: Math.round(ratio * 1000) / 1000,
        unchangedSeconds: again.seconds,
        oneLineSeconds: grown.seconds,
      }),
    );
  } finally {
    rmSync(place, { recursive: true, force: true });
    // The line that was appended is no part of the corpus.
    restore?.();
  }
}
