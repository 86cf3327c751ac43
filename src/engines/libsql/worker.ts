import { parentPort, workerData } from "node:worker_threads";
import { LociError } from "../../errors.ts";
import type { Answer } from "../sql/client.ts";
import { type LibsqlClient, openSession } from "./session.ts";
import type { Call, Reply, Sent } from "./thread.ts";

/** The thread's side: calls in, replies out. The file is opened when the thread starts. */
if (parentPort) await serve(parentPort);

async function serve(port: NonNullable<typeof parentPort>): Promise<void> {
  const reply = (message: Reply): void => port.postMessage(message, buffersOf(message));
  let session: LibsqlClient;
  try {
    // Given by the other side of this module, thread.ts.
    session = await openSession(workerData.path, workerData.options);
  } catch (error) {
    reply({ id: 0, error: sent(error) });
    port.close();
    return;
  }
  port.on("message", async ({ id, call }: { readonly id: number; readonly call: Call }) => {
    try {
      reply({ id, result: await answer(session, call) });
    } catch (error) {
      reply({ id, error: sent(error) });
    }
    if (call.kind === "close") port.close();
  });
  reply({ id: 0, result: undefined });
}

function answer(session: LibsqlClient, call: Call): Promise<unknown> {
  switch (call.kind) {
    case "read":
      return session.read(call.statement);
    case "write":
      return session.write(call.statements, { again: call.again });
    case "backup":
      return session.backup(call.path);
    case "keepCopy":
      return session.keepCopy?.(call.label) ?? Promise.resolve();
    case "check":
      return session.check();
    case "close":
      return session.close();
  }
}

/** Large bytes move instead of being copied; for small ones the moving costs more. */
function buffersOf(message: Reply): ArrayBuffer[] {
  if (!("result" in message)) return [];
  const answers = [message.result].flat().filter(isAnswer);
  const buffers = new Set<ArrayBuffer>();
  for (const { rows } of answers) {
    for (const row of rows) {
      for (const value of row) {
        if (value instanceof Uint8Array && isOwn(value)) buffers.add(value.buffer as ArrayBuffer);
      }
    }
  }
  return [...buffers];
}

function isOwn(bytes: Uint8Array): boolean {
  return bytes.byteLength >= 65_536 && bytes.byteLength === bytes.buffer.byteLength;
}

function isAnswer(value: unknown): value is Answer {
  return typeof value === "object" && value !== null && "rows" in value;
}

/** Errors lose their class and their fields between threads. */
function sent(error: unknown): Sent {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (!(error instanceof LociError)) return { message, stack };
  const { code, where, next, cause } = error;
  return { message, stack, code, where, next, cause: cause === undefined ? undefined : String(cause) };
}
