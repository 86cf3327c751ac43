import type { AuthToken } from "../../engine/json-web-token.ts";
import { LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import { addressOf } from "./address.ts";
import { refusedRequest, translated } from "./errors.ts";
import {
  batchBody,
  type BatchResult,
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
import { type CallOptions, createRequests } from "./requests.ts";
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
  close(): void;
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
  return {
    place,
    async batch(steps, how) {
      open();
      const sentAt = performance.now();
      const body = batchBody(steps, position?.needed());
      const text = await requests.call({ ...how, path: "/v3/pipeline", body });
      const [first] = parsed(place, text).results;
      if (first?.type === "error") throw translated(place, first.error);
      const result = first?.response.result;
      if (result) {
        position?.answered(frameOf(result.replication_index), sentAt);
        return result;
      }
      throw refusedRequest(place, 200, text);
    },
    async cursor(statement) {
      open();
      const sentAt = performance.now();
      const body = cursorBody(statement, position?.needed());
      const result = readCursor(await requests.call({ again: true, path: "/v3/cursor", body }));
      if ("message" in result) throw translated(place, result);
      position?.answered(result.frame, sentAt);
      return result;
    },
    close() {
      closed = true;
      http.close();
    },
  };
}

function parsed(place: string, text: string): PipelineReply {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the protocol's words
    const reply = JSON.parse(text) as Partial<PipelineReply>;
    if (Array.isArray(reply.results)) return { results: reply.results };
  } catch {
    // As below.
  }
  throw refusedRequest(place, 200, text);
}
