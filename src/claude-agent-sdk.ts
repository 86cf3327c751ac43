export { type RecordOptions, withLoci } from "./attach/claude-agent-sdk/query.ts";
export {
  createSessionStore,
  type LociSessionStore,
  type SessionStoreOptions,
} from "./attach/claude-agent-sdk/session-store.ts";
export type {
  SessionKey,
  SessionStore,
  SessionStoreEntry,
  SessionSummaryEntry,
} from "./attach/claude-agent-sdk/types.ts";
