import type { AuthToken } from "../../engine/json-web-token.ts";
import { LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import { addressOf } from "./address.ts";
import { refusedRequest, translated } from "./errors.ts";
import {
  batchBody,
  type BatchResult,
  closeBody,
  cursorBody,
  frameOf,
  type HranaStatement,
  type PipelineReply,
  readCursor,
  type Step,
  type StepResult,
} from "./hrana.ts";
import type { Position } from "./freshness.ts";
import { createHttp, type RemoteConnections } from "./http.ts";
import { type CallOptions, createRequests, type Requests } from "./requests.ts";
import type { HranaStream } from "./stream.ts";
import { createTokens } from "./token.ts";

export interface RemoteOptions extends RemoteConnections {
  readonly authToken?: AuthToken | undefined;
  /** How long a call waits for other writers, and for a server that asks to be left alone. Default 30 s. */
  readonly busyTimeout?: Millis | undefined;
  /** How often a request that may be done twice is sent again. Default 3 times. */
  readonly triesAgain?: number | undefined;
  /** Of one of several servers with the same data. */
  readonly position?: Position | undefined;
}

/** Steps and questions, answered. */
export interface Server {
  readonly place: string;
  batch(steps: readonly Step[], options: CallOptions): Promise<BatchResult>;
  /** One question whose answer may have any size. */
  cursor(statement: HranaStatement): Promise<StepResult>;
  /** A connection of its own; its requests come one after the other. */
  stream(): HranaStream;
  close(): Promise<void>;
}

export function createServer(url: string, options: RemoteOptions): Server {
  const { base, place, token } = addressOf(url);
  const { busyTimeout: patience = 30_000, authToken = token, triesAgain, position } = options;
  const http = createHttp(base, options);
  const tokens = createTokens(place, authToken);
  let closed = false;
  const open = (): void => {
    if (closed) throw new LociError("closed", `${place} was closed.`, { where: place });
  };
  const requests = createRequests({ place, http, tokens, patience, triesAgain, open });
  const kept = createKept((baton) => endStream(requests, baton));
  return {
    place,
    async batch(steps, how) {
      open();
      const sentAt = performance.now();
      const frame = position?.needed();
      const reply = await kept.use(async (turn) => {
        const baton = turn?.baton;
        const bodyOf = (on: Parameters<typeof batchBody>[1]): string =>
          batchBody(steps, { frame, ...on }, turn !== undefined);
        const asked = { ...how, path: "/v3/pipeline", body: bodyOf({ baton }) };
        const anew = baton === undefined ? {} : { anew: () => bodyOf({}) };
        return parsed(place, await requests.call({ ...asked, ...anew }));
      });
      const [first] = reply.results;
      if (first?.type === "error") throw translated(place, first.error);
      const result = first?.response.result;
      if (result) {
        position?.answered(frameOf(result.replication_index), sentAt);
        return result;
      }
      throw refusedRequest(place, 200, JSON.stringify(reply));
    },
    async cursor(statement) {
      open();
      const sentAt = performance.now();
      const body = cursorBody({ stmt: statement }, { frame: position?.needed() });
      const result = readCursor(await requests.call({ again: true, path: "/v3/cursor", body }));
      if ("message" in result) throw translated(place, result);
      position?.answered(result.frame, sentAt);
      return result;
    },
    stream() {
      open();
      return createStream(place, requests);
    },
    async close() {
      await kept.close();
      closed = true;
      http.close();
    },
  };
}

/** So long a connection of the server is kept without work: it counts there as one of 128 (sqld). */
const keptFor = 1_000;

interface Kept {
  /** The work has the kept connection, or a new one to keep, by its `baton`; undefined: another work has it. */
  use(
    work: (turn: { readonly baton: string | undefined } | undefined) => Promise<PipelineReply>,
  ): Promise<PipelineReply>;
  close(): Promise<void>;
}

/**
 * One connection of the server that is kept from one request to the next. A new one reads the whole schema first: with
 * Loci's, a write of one row takes 5.2 ms on a new one and 1.7 ms on one that is kept (sqld 0.24.1-pre.42, 2026-11).
 */
function createKept(end: (baton: string) => Promise<void>): Kept {
  let taken = false;
  let free: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  const takeOut = (): string | undefined => {
    clearTimeout(timer);
    const baton = free;
    free = undefined;
    return baton;
  };
  const close = async (): Promise<void> => {
    const baton = takeOut();
    if (baton !== undefined) await end(baton);
  };
  return {
    close,
    async use(work) {
      if (taken) return work(undefined);
      taken = true;
      try {
        const reply = await work({ baton: takeOut() });
        const { baton } = reply;
        if (baton !== null && baton !== undefined) {
          if (isClean(reply)) {
            free = baton;
            timer = setTimeout(() => void close(), keptFor).unref();
          } else void end(baton);
        }
        return reply;
      } finally {
        taken = false;
      }
    },
  };
}

/** What went wrong may have left something behind; and only one address is known to us. */
function isClean({ base_url, results }: PipelineReply): boolean {
  if (base_url !== null && base_url !== undefined) return false;
  return results.every(
    (one) => one.type === "ok" && (one.response.result?.step_errors ?? []).every((error) => error === null),
  );
}

/** Where this is lost, the server ends it by itself. */
async function endStream(requests: Requests, baton: string): Promise<void> {
  const call = requests.call({ again: false, path: "/v3/pipeline", body: closeBody(baton), deadline: 500 });
  await call.catch(() => undefined);
}

function createStream(place: string, requests: Requests): HranaStream {
  let baton: string | undefined;
  const again = false;
  const keep = (next: string | null | undefined, base: string | null | undefined): void => {
    baton = next ?? undefined;
    if (base === null || base === undefined) return;
    throw new LociError("unsupported", `${place} wants what belongs together at another address.`, {
      where: place,
    });
  };
  return {
    async batch(steps) {
      const text = await requests.call({
        again,
        path: "/v3/pipeline",
        body: batchBody(steps, { baton }, true),
      });
      const reply = parsed(place, text);
      keep(reply.baton, reply.base_url);
      const [first] = reply.results;
      if (first?.type === "error") throw translated(place, first.error);
      const result = first?.response.result;
      const error = result?.step_errors.find((one) => one !== null);
      if (error) throw translated(place, error);
      return result?.step_results ?? [];
    },
    async cursor(step) {
      const text = await requests.call({ again, path: "/v3/cursor", body: cursorBody(step, { baton }) });
      const result = readCursor(text);
      if ("message" in result) throw translated(place, result);
      keep(result.baton, result.base);
      return result;
    },
    async close() {
      if (baton === undefined) return;
      await endStream(requests, baton);
    },
  };
}

function parsed(place: string, text: string): PipelineReply {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the protocol's words
    const { results, ...reply } = JSON.parse(text) as Partial<PipelineReply>;
    if (Array.isArray(results)) return { ...reply, results };
  } catch {
    // As below.
  }
  throw refusedRequest(place, 200, text);
}
