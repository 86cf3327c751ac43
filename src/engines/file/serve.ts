import type { MessagePort } from "node:worker_threads";
import { LociError } from "../../errors.ts";
import type { Answer } from "../sql/client.ts";
import type { Numbered, Reply, Sent } from "./caller.ts";

interface Kind {
  readonly kind: string;
}

/** The thread's side: calls in, replies out. The file is opened when the thread starts; `close` is the last call. */
export async function serveThread<Call extends Kind>(
  port: MessagePort,
  open: () => Promise<(call: Call) => Promise<unknown>>,
): Promise<void> {
  const outbox: Reply[] = [];
  const send = (): void => {
    const replies = outbox.splice(0);
    if (replies.length === 0) return;
    port.postMessage(replies, replies.flatMap(buffersOf));
  };
  const reply = (message: Reply): void => {
    if (outbox.length === 0) queueMicrotask(send);
    outbox.push(message);
  };
  let answer: (call: Call) => Promise<unknown>;
  try {
    answer = await open();
  } catch (error) {
    reply({ id: 0, error: sent(error) });
    send();
    port.close();
    return;
  }
  const underWay = new Set<Promise<void>>();
  const serveOne = async ({ id, call }: Numbered<Call>): Promise<void> => {
    // What was asked before is answered before.
    if (call.kind === "close") await Promise.all(underWay);
    try {
      reply({ id, result: await answer(call) });
    } catch (error) {
      reply({ id, error: sent(error) });
    }
    if (call.kind !== "close") return;
    send();
    port.close();
  };
  const inbox: Array<Numbered<Call>> = [];
  const serveAll = (): void => {
    for (const one of inbox.splice(0)) {
      const served = serveOne(one).finally(() => underWay.delete(served));
      if (one.call.kind !== "close") underWay.add(served);
    }
  };
  port.on("message", (calls: ReadonlyArray<Numbered<Call>>) => {
    // What came while a transaction was under way is taken up together.
    if (inbox.length === 0) setImmediate(serveAll);
    inbox.push(...calls);
  });
  reply({ id: 0, result: undefined });
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
