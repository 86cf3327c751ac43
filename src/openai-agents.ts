/** Recording and memory for OpenAI Agents: docs/openai-agents.md. */
export {
  type AgentsTraceOptions,
  type AgentsTraceProcessor,
  agentsTraceProcessor,
} from "./attach/openai-agents/processor.ts";
export {
  type AgentsSession,
  agentsSession,
  type AgentsSessionOptions,
  type SessionStore,
} from "./attach/openai-agents/session.ts";
