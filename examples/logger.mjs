// The logging API of older agents, unchanged but for its import. It is on when TURSO_DATABASE_URL and TURSO_AUTH_TOKEN
// are set, and has no effect otherwise. Run: TURSO_DATABASE_URL=file:agents.db TURSO_AUTH_TOKEN=none node examples/logger.mjs
import { createConversationLogger, getSession, getTursoClient, listSessions } from "loci/compat";

const logger = await createConversationLogger();
await logger?.startSession({
  id: "plan-7",
  agentType: "planning",
  model: "claude-sonnet-4-5",
  provider: "anthropic",
});
await logger?.logMessage("user", "Plan the migration of the tool tables.");
await logger?.logToolExecution(
  "Read",
  "completed",
  { file: "schema.sql" },
  "CREATE TABLE steps (id, action)",
);
await logger?.logMessage("assistant", "Three steps, the first one is a backup.", 120);
await logger?.endSession("completed");
await logger?.syncToCloud();

const client = await getTursoClient();
const sessions = await listSessions(client, { limit: 10 });
const detail = await getSession(client, "plan-7");
console.log(sessions.length, detail?.messages.length ?? 0, detail?.toolExecutions[0]?.toolName ?? "off");
