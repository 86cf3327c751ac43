export interface Turn {
  readonly text?: string;
  readonly thinking?: string;
  readonly tools?: ReadonlyArray<{ readonly tool: string; readonly input: object; readonly id?: string }>;
  readonly blocks?: readonly object[];
  readonly usage?: Readonly<Record<string, number>>;
  readonly error?: Readonly<Record<string, unknown>>;
  readonly streamError?: object;
  readonly delayMs?: number;
  readonly chunkDelayMs?: number;
  readonly cutAfter?: number;
  readonly hangAfter?: number;
  readonly stop?: string;
}

export interface Conversation {
  readonly id: string;
  readonly match?: Readonly<Record<string, string | boolean>>;
  readonly turns: readonly Turn[];
  readonly after?: "repeat-last";
}

export interface Scenario {
  readonly name?: string;
  readonly vars?: Readonly<Record<string, string>>;
  readonly conversations?: readonly Conversation[];
  readonly fallback?: Turn;
}

/** One request, as the server saw it. */
export interface Asked {
  readonly n: number;
  readonly at: string;
  readonly method: string;
  readonly path: string;
  /** `llm` is a call of a model. */
  readonly kind: string;
  readonly conversation?: string;
  readonly turn?: number;
  readonly prompt?: string;
  readonly status?: number;
  readonly body?: Record<string, unknown>;
}

export interface FakeLlm {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly Asked[];
  setScenario(scenario: Scenario, vars?: Readonly<Record<string, string>>): void;
  close(): Promise<void>;
}

export function startFakeLlm(options: {
  readonly scenario: Scenario;
  readonly vars?: Readonly<Record<string, string>>;
  readonly port?: number;
  readonly log?: string;
  readonly keep?: boolean;
}): Promise<FakeLlm>;
