#!/usr/bin/env node
// Command line: node fake-llm.mjs --scenario scenarios/tools.json --port 4011 --var CWD=/workspace [--log requests.jsonl]
import { readFileSync } from "node:fs";
import { startFakeLlm } from "./lib/server.mjs";

const opts = { vars: {} };
const argv = process.argv.slice(2);
for (let i = 0; i < argv.length; i++) {
  const a = argv[i];
  if (a === "--scenario") opts.scenario = JSON.parse(readFileSync(argv[++i], "utf8"));
  else if (a === "--port") opts.port = Number(argv[++i]);
  else if (a === "--log") opts.log = argv[++i];
  else if (a === "--var") {
    const [k, ...v] = argv[++i].split("=");
    opts.vars[k] = v.join("=");
  } else {
    console.error(`unknown argument ${a}`);
    process.exit(2);
  }
}
opts.scenario ??= { fallback: { text: "OK." } };
const s = await startFakeLlm(opts);
console.log(JSON.stringify({ url: s.url, port: s.port, pid: process.pid }));
for (const sig of ["SIGINT", "SIGTERM"]) process.on(sig, () => s.close().then(() => process.exit(0)));
