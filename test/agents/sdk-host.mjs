// A program with the Claude Agent SDK that is killed: says in a file which lines its session store acknowledged.
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { createSessionStore, withLoci } from "../../dist/claude-agent-sdk.js";
import { open } from "../../dist/index.js";

const { sdk, db, ack, options } = JSON.parse(process.argv[2]);
process.env.CLAUDE_CONFIG_DIR = options.env.CLAUDE_CONFIG_DIR;
const { query } = await import(join(sdk, "sdk.mjs"));
const loci = await open(db);
const store = createSessionStore(loci, { warn: false });
const sessionStore = {
  ...store,
  async append(key, entries) {
    await store.append(key, entries);
    for (const { uuid } of entries) if (uuid) appendFileSync(ack, `${JSON.stringify({ key, uuid })}\n`);
  },
};
const run = withLoci(
  query,
  store,
)({
  prompt: "run the tool tour please",
  options: { ...options, sessionStore, sessionStoreFlush: "eager" },
});
for await (const { type } of run) process.send?.(type);
await store.close();
await loci.close();
process.disconnect?.();
