import { withLoci } from "../attach/claude-agent-sdk/query.ts";
import { LociError } from "../errors.ts";
import type { Happening } from "../model/happening.ts";
import { objectOf } from "../record/sources/claude-code/line.ts";
import type { TursoClient } from "./client.ts";
import type { ConversationLogger } from "./logger.ts";

/** As much of the SDK's `query` as is called. */
export type ClaudeQuery<Message> = (params: {
  readonly prompt: string;
  readonly options: object;
}) => AsyncGenerator<Message, void>;

export interface ClaudeQueryOptions<Message = unknown> {
  /** Options of the SDK's own function pass through. */
  readonly [option: string]: unknown;
  /** Without one, or where logging is off, nothing is logged. */
  readonly logger?: ConversationLogger | null | undefined;
  /** The SDK's `query`, where `@anthropic-ai/claude-agent-sdk` is not to be found from here. */
  readonly query?: ClaudeQuery<Message>;
}

/**
 * Asks by the Claude Agent SDK and yields its messages, each as it is and when it comes. With a logger they are logged
 * on the way, the final result too: under the SDK's own session id, below the logger's session.
 */
export async function* runClaudeQuery<Message = unknown>(
  prompt: string,
  { logger, query: given, ...options }: ClaudeQueryOptions<Message> = {},
): AsyncGenerator<Message, void> {
  const query = given ?? (await sdkQuery<Message>());
  const store = logger?.client ?? null;
  const logged =
    store === null || logger === null || logger === undefined
      ? query
      : withLoci(query, { record: below(logger, store) });
  yield* logged({ prompt, options });
}

/** Notes in the logger's store, and once for each session that it stands below the logger's. */
function below(logger: ConversationLogger, store: TursoClient): (happening: Happening) => string {
  const known = new Set<string>();
  return (happening) => {
    const parentSessionId = logger.getSessionId();
    const id = happening.kind === "rawEvent" ? happening.sessionId : undefined;
    if (id !== undefined && parentSessionId !== null && id !== parentSessionId && !known.has(id)) {
      known.add(id);
      store.record({ kind: "session", id, parentSessionId });
    }
    return store.record(happening);
  };
}

async function sdkQuery<Message>(): Promise<ClaudeQuery<Message>> {
  // By a name that is only known when it runs: most who use this package have no SDK.
  const name: string = "@anthropic-ai/claude-agent-sdk";
  try {
    const query: unknown = objectOf(await import(name))?.["query"];
    if (isQuery<Message>(query)) return query;
  } catch (cause) {
    throw missing(cause);
  }
  throw missing(undefined);
}

function isQuery<Message>(value: unknown): value is ClaudeQuery<Message> {
  return typeof value === "function";
}

function missing(cause: unknown): LociError {
  return new LociError("unsupported", "A query of Claude is run by its Agent SDK, which is not installed.", {
    next: "npm install @anthropic-ai/claude-agent-sdk",
    cause,
  });
}
