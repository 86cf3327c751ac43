/** The logging API that agent programs know, over the recorder and the domains. */
import { type Migration, storeSchema } from "./model/schema.ts";

export { type ClaudeQuery, type ClaudeQueryOptions, runClaudeQuery } from "./compat/claude.ts";
export {
  closeTursoClient,
  createTursoClient,
  getTursoClient,
  getTursoConfig,
  initializeSchema,
  resetSchemaState,
  type TursoClient,
  type TursoConfig,
} from "./compat/client.ts";
export {
  ConversationLogger,
  createConversationLogger,
  type MessageInfo,
  type SessionInfo,
  type ToolExecutionInfo,
} from "./compat/logger.ts";
export {
  createOpencodeServer,
  type OpencodeServer,
  type OpencodeServerOptions,
  setupEventMonitoring,
} from "./compat/opencode.ts";
export {
  getSession,
  getSessionStats,
  listSessions,
  type ListSessionsOptions,
  searchSessions,
  type SessionDetail,
  type SessionFilter,
  type SessionStats,
  type SessionSummary,
} from "./compat/queries.ts";

export { type AccessPatternRow, type CacheContext, TursoIntelligentCache } from "./compat/cache.ts";
export {
  type AgentDatabase,
  connect,
  type ConnectMode,
  type ConnectOptions,
  type ConnectSynced,
  type Statement,
} from "./compat/connect.ts";
export {
  type AgentHealthRow,
  determineNearestEdge,
  EdgeAwareTaskDistributor,
  monitorAgentHealth,
  nearestEdgeQuery,
  type Task,
  TursoSwarmCoordinator,
} from "./compat/coordination.ts";
export {
  createTursoPool,
  type Turso,
  turso,
  type TursoChanged,
  type TursoConversation,
  type TursoFound,
  type TursoKnowledge,
  type TursoMessage,
  type TursoPoolConfig,
  type TursoQuery,
  type TursoRows,
} from "./compat/turso.ts";

/** The steps that the store's schema takes; the engines make their tables from them. */
export const MIGRATIONS: readonly Migration[] = storeSchema.migrations;

export const SCHEMA_VERSION: number = Math.max(...MIGRATIONS.map((step) => step.version));
