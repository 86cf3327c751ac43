import type { Scenario } from "./fake-llm/lib/server.mjs";

export const weatherScript: Scenario;

/** Imports a module of the lane's packages. */
type Load = (path: string) => Promise<unknown>;

export interface Asked {
  readonly text: string;
  readonly input: number;
  readonly output: number;
}

export function askAiSdk(
  load: Load,
  attached?: { readonly telemetry?: object; readonly middleware?: object; readonly delayMs?: number },
): Promise<Asked>;

export function askAgents(
  load: Load,
  url: string,
  attached?: { readonly groupId?: string; readonly processor?: object; readonly session?: object },
): Promise<Asked>;
