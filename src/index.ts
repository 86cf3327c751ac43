export type {
  AccessPattern,
  Cache,
  CacheItem,
  CacheOptions,
  CacheQuery,
  CacheStats,
  CacheTotals,
  ClearOptions,
  LoadOptions,
  SetOptions,
  Swept,
} from "./domains/cache/cache.ts";
export type { Activity, ActivityLimits } from "./domains/activity.ts";
export type { Backup, Backups, Restored } from "./backups/backups.ts";
export type { Databases } from "./databases/databases.ts";
export type { DatabaseItem, DatabaseProvider, RemovedDatabase } from "./databases/provider.ts";
export type { MadeToken, TokenItem, Tokens } from "./databases/tokens.ts";
export type {
  Blackboard,
  BoardAnswer,
  BoardQuery,
  BoardValue,
  BoardVersion,
  BoardWrite,
} from "./domains/blackboard.ts";
export type { JsonChange } from "./domains/checkpoint-diff.ts";
export type {
  CheckpointFilter,
  CheckpointGiven,
  CheckpointItem,
  CheckpointQuery,
  Checkpoints,
} from "./domains/checkpoints.ts";
export type {
  EdgeAttempt,
  EdgeClients,
  EdgeRouter,
  Probed,
} from "./domains/edge/clients.ts";
export type { Edge, NearestOptions, RegionReport } from "./domains/edge/edge.ts";
export type { MetricsQuery, NewRegion, RegionMetrics } from "./domains/edge/regions.ts";
export type { Attempt, ReadOptions } from "./domains/edge/router.ts";
export type { Ingest, Ingested, IngestOptions } from "./domains/ingest.ts";
export type {
  Knowledge,
  KnowledgeEntry,
  KnowledgeFilter,
  KnowledgeFound,
  KnowledgeGiven,
  KnowledgeHit,
  KnowledgeQuery,
} from "./domains/knowledge.ts";
export type { Candidate, Lock, LockLease, LockOptions, Locks } from "./domains/locks.ts";
export type { Letter, Mailbox, Receiving, Sending } from "./domains/mailbox.ts";
export type { Memory, MemoryGiven, MemoryQuery } from "./domains/memory.ts";
export type { MetricLine } from "./domains/metric-report.ts";
export type {
  ActivityQuery,
  AgentActivity,
  MetricFilter,
  MetricGiven,
  MetricQuery,
  Metrics,
  TaskWork,
} from "./domains/metrics.ts";
export type { Price, PriceOverride, PriceOverrides, Prices } from "./domains/prices.ts";
export type { Queries, QueryOrder, QueryStats, SlowQueryQuery } from "./domains/queries.ts";
export type { CostLine, Reports, Span, ToolLine, Totals } from "./domains/reports.ts";
export type { SearchAnswer, SearchItem, SearchOptions } from "./domains/search/search.ts";
export type { Page, SessionQuery, Sessions, SessionState } from "./domains/sessions.ts";
export type {
  AgentReport,
  Beat,
  Health,
  HealthLimits,
  NewAgent,
  Swarm,
  SwarmReport,
} from "./domains/swarm.ts";
export type { Assigned, Assignment, AssignOptions } from "./domains/tasks/assign.ts";
export type {
  ClaimOptions,
  Created,
  Lease,
  NewTask,
  Renewed,
  Task,
  TaskDetail,
  TaskQuery,
  Tasks,
} from "./domains/tasks/tasks.ts";
export type { VoteGiven, VoteResult, Votes } from "./domains/votes.ts";
export type { Engine, SqlAnswer, SqlDoor, SqlOptions } from "./engine/engine.ts";
export { type ErrorCode, errorCode, type ErrorDetails, LociError } from "./errors.ts";
export type { AgentMetric } from "./model/agent-metric.ts";
export type { Checkpoint } from "./model/checkpoint.ts";
export type { EdgeReplica } from "./model/edge.ts";
export type { Happening, Moment } from "./model/happening.ts";
export { newId } from "./model/id.ts";
export type { AgentMemory } from "./model/memory.ts";
export type { Message } from "./model/message.ts";
export type { ModelCall } from "./model/model-call.ts";
export type { SlowQuery } from "./model/query.ts";
export type { Session, SessionStatus } from "./model/session.ts";
export type {
  SyncConflict,
  SyncMode,
  SyncQuarantined,
  SyncRun,
  SyncSpoke,
  SyncState,
} from "./model/sync-state.ts";
export type { ToolExecution, ToolStatus } from "./model/tool-execution.ts";
export type { ImportAll } from "./import-store.ts";
export { type Loci, open, openDatabases, type OpenOptions } from "./open.ts";
export type { Replica } from "./place.ts";
export type { Following, FollowOptions } from "./record/import/follow.ts";
export type { ImportProgress, ImportReport } from "./record/import/import.ts";
export {
  createRecorder,
  type Flushed,
  type Recorder,
  type RecorderOptions,
  type Tally,
} from "./record/recorder.ts";
export type {
  Compared,
  CountLine,
  Difference,
  RunOptions,
  SyncReport,
  VerifyOptions,
} from "./sync/report.ts";
export type { HistoryOptions, SyncSummary } from "./sync/history.ts";
export type { PeerStatus, SyncStatus, SyncTrouble } from "./sync/status.ts";
export type { Sync } from "./sync/sync.ts";
export type { SyncSettings } from "./sync-store.ts";
export { envLiterals, type RedactionRule, type RedactOptions } from "./record/redact.ts";
