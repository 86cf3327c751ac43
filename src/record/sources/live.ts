import type { LiveSources } from "../../domains/live-source.ts";
import { claudeAgentSdkLive } from "./claude-agent-sdk/live.ts";
import { claudeCodeLive } from "./claude-code/live.ts";

/** The sources whose raw lines become the rows of their session as they are recorded. */
export const liveSources: LiveSources = {
  "claude-code": claudeCodeLive,
  "claude-agent-sdk": claudeAgentSdkLive,
};
