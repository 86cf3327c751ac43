import type { AuthToken } from "../../engine/json-web-token.ts";
import { LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import { addressOf } from "./address.ts";
import { refusedRequest, translated } from "./errors.ts";
import {
  batchBody,
  type BatchResult,
  cursorBody,
  type HranaStatement,
  type PipelineReply,
  readCursor,
  type Step,
  type StepResult,
} from "./hrana.ts";
import { createHttp, type RemoteConnections } from "./http.ts";
import { type CallOptions, createRequests } from "./requests.ts";
import { createTokens } from "./token.ts";

export interface RemoteOptions extends RemoteConnections {
  readonly authToken?: AuthToken | undefined;
  /** How long a call waits for other writers, and for a server that asks to be left alone. Default 30 s. */
  readonly busyTimeout?: Millis | undefined;
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
  const { busyTimeout: patience = 30_000, authToken = token } = options;
  const http = createHttp(base, options);
  const tokens = createTokens(place, authToken);
  let closed = false;
  const open = (): void => {
    if (closed) throw new LociError("closed", `${place} was closed.`, { where: place });
  };
  const requests = createRequests({ place, http, tokens, patience, open });
  return {
    place,
    async batch(steps, how) {
      open();
      const text = await requests.call({ ...how, path: "/v3/pipeline", body: batchBody(steps) });
      const [first] = parsed(place, text).results;
      if (first?.type === "error") throw translated(place, first.error);
      const result = first?.response.result;
      if (result) return result;
      throw refusedRequest(place, 200, text);
    },
    async cursor(statement) {
      open();
      const text = await requests.call({ again: true, path: "/v3/cursor", body: cursorBody(statement) });
      const result = readCursor(text);
      if ("message" in result) throw translated(place, result);
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
