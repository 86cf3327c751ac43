// Imports as a process of its own: node import-process.mjs STORE PATH. Says how far it is on stdout.
import { createIngest } from "../../../dist/domains/ingest.js";
import { createPrices } from "../../../dist/domains/prices.js";
import { importPaths } from "../../../dist/record/import/import.js";
import { openStore } from "../../../dist/store.js";

const [url, path] = process.argv.slice(2);
const store = await openStore(url);
const { costOf } = createPrices();
const ingest = createIngest(store.engine, { now: Date.now, costOf });
const report = await importPaths(
  { engine: store.engine, ingest, costOf, now: Date.now },
  {
    paths: [path],
    redact: { off: true },
    onProgress: ({ stage, done }) => process.stdout.write(`${stage} ${done}\n`),
  },
);
await store.close();
process.stdout.write(`done ${JSON.stringify(report)}\n`);
