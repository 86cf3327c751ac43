import { type OpencodeRecording, recordOpencode } from "../attach/opencode/record.ts";
import { LociError } from "../errors.ts";
import type { Happening } from "../model/happening.ts";
import { toPlace } from "../place.ts";
import { objectOf, textOf } from "../record/sources/claude-code/line.ts";
import type { TursoClient } from "./client.ts";
import { type ConversationLogger, createConversationLogger } from "./logger.ts";

/**
 * Logs what a server of OpenCode does: each of its sessions under its own id, each tool call as one row. A session of
 * the logger's own becomes their parent; one of the same id keeps its agent type. Answers at once; without a logger, or
 * where logging is off, nothing is logged.
 */
export function setupEventMonitoring(client: unknown, logger?: ConversationLogger | null): OpencodeRecording {
  const store = logger?.client ?? null;
  return store === null || logger === null || logger === undefined
    ? silent()
    : monitored(client, store, logger);
}

function monitored(client: unknown, store: TursoClient, logger: ConversationLogger): OpencodeRecording {
  const spool = spoolOf(store.url);
  if (spool === undefined) return silent();
  const record = (happening: Happening): string => store.record(ofLogger(happening, logger.getSessionId()));
  return recordOpencode(client, { recorder: { record, spool } });
}

function spoolOf(url: string): string | undefined {
  try {
    const place = toPlace(url);
    return place.kind === "memory" ? undefined : place.spool;
  } catch {
    // Logging is off, and said so when it was first used.
    return undefined;
  }
}

/** The logger's session stands above those of OpenCode that nobody else started. */
function ofLogger(happening: Happening, sessionId: string | null): Happening {
  if (happening.kind !== "session" || sessionId === null) return happening;
  if (happening.id === sessionId) {
    const { agentType: _, metadata: _mine, ...rest } = happening;
    return rest;
  }
  return { ...happening, parentSessionId: happening.parentSessionId ?? sessionId };
}

function silent(): OpencodeRecording {
  const nothing = async (): Promise<void> => undefined;
  return { connected: false, settled: async () => false, close: nothing, [Symbol.asyncDispose]: nothing };
}

export interface OpencodeServerOptions {
  /** Options of the SDK's own function pass through. */
  readonly [option: string]: unknown;
  /** Default: a logger of the configured store; null for none. */
  readonly logger?: ConversationLogger | null;
  /** The SDK's `createOpencode`, where `@opencode-ai/sdk` is not to be found from here. */
  readonly createOpencode?: (options: object) => Promise<unknown>;
}

export interface OpencodeServer {
  /** The SDK's client. */
  readonly client: unknown;
  readonly url: string;
  readonly logger: ConversationLogger;
  /** What is being logged of it. */
  readonly monitoring: OpencodeRecording;
  /** Logs what is left, then stops the server. */
  close(): Promise<void>;
}

/** Starts a server by OpenCode's SDK, and logs what it does. */
export async function createOpencodeServer({
  logger: given,
  createOpencode,
  ...options
}: OpencodeServerOptions = {}): Promise<OpencodeServer> {
  const [logger, create] = [
    given ?? (await createConversationLogger()),
    createOpencode ?? (await sdkFunction()),
  ];
  const started = objectOf(await create(options));
  const server = objectOf(started?.["server"]);
  const monitoring = setupEventMonitoring(started?.["client"], given === null ? null : logger);
  return {
    client: started?.["client"],
    url: textOf(server?.["url"]) ?? "",
    logger,
    monitoring,
    async close() {
      await monitoring.close();
      await logger.syncToCloud();
      const stop = server?.["close"];
      if (typeof stop === "function") await Reflect.apply(stop, server, []);
    },
  };
}

async function sdkFunction(): Promise<(options: object) => Promise<unknown>> {
  // By a name that is only known when it runs: most who use this package have no SDK.
  const name: string = "@opencode-ai/sdk";
  try {
    const create: unknown = objectOf(await import(name))?.["createOpencode"];
    if (isCreate(create)) return create;
  } catch (cause) {
    throw missing(cause);
  }
  throw missing(undefined);
}

function isCreate(value: unknown): value is (options: object) => Promise<unknown> {
  return typeof value === "function";
}

function missing(cause: unknown): LociError {
  return new LociError("unsupported", "A server of OpenCode is started by its SDK, which is not installed.", {
    next: "npm install @opencode-ai/sdk",
    cause,
  });
}
