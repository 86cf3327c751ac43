// Records one run of an agent, then finds it. Run: node examples/record.mjs
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId, open } from "loci";

const folder = mkdtempSync(join(tmpdir(), "loci-example-"));
const loci = await open(join(folder, "agents.db"));
const recorder = loci.recorder();

const sessionId = newId();
recorder.record({ kind: "session", id: sessionId, agentType: "release-bot", projectPath: "/home/ana/shop" });
recorder.record({ kind: "message", sessionId, role: "user", content: "Ship 2.4 and tell me what broke." });

const call = newId();
recorder.record({
  kind: "toolExecution",
  id: call,
  sessionId,
  toolName: "Bash",
  input: { command: "npm test" },
});
recorder.record({
  kind: "toolExecution",
  id: call,
  sessionId,
  toolName: "Bash",
  status: "error",
  error: "checkout.test.ts: expected 200, got 502 from the payment gateway",
});
recorder.record({
  kind: "modelCall",
  sessionId,
  model: "claude-sonnet-4-5",
  inputTokens: 12_000,
  outputTokens: 450,
  cacheReadTokens: 90_000,
});
recorder.record({ kind: "session", id: sessionId, status: "completed", endedAt: new Date() });
await recorder.flush();

const session = await loci.sessions.get(sessionId);
console.log(
  `${session?.agentType}: ${session?.toolCount} tool call, ${session?.errorCount} error, $${session?.costUsd}`,
);
const { items } = await loci.search("payment gateway");
console.log(items[0]?.snippet);
const { noted, written, spooled, dropped } = recorder.tally;
console.log({ noted, written, spooled, dropped });

await recorder.close();
await loci.close();
rmSync(folder, { recursive: true });
