import { setTimeout as sleep } from "node:timers/promises";
import { LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import { refusedRequest, unreachable } from "./errors.ts";
import { type Http, NoAnswer, type Reply } from "./http.ts";
import type { Tokens } from "./token.ts";

export interface CallOptions {
  /** Doing it twice has the effect of once. */
  readonly again: boolean;
  readonly answerTimeout?: Millis | undefined;
  readonly deadline?: Millis | undefined;
  readonly most?: number | undefined;
}

export interface Request extends CallOptions {
  readonly path: string;
  readonly body: string;
  /** The same without the connection that `body` names, which the server may have ended: it is sent in its place then. */
  readonly anew?: () => string;
}

export interface Requests {
  /** The text of an answer, and of one only that is the database's. */
  call(request: Request): Promise<string>;
}

export interface RequestParts {
  readonly place: string;
  readonly http: Http;
  readonly tokens: Tokens;
  /** How long a call waits for a server that asks to be left alone. */
  readonly patience: Millis;
  /** Default 3: a server that restarts is back within a second or two. */
  readonly triesAgain?: number | undefined;
  /** Throws once it is closed. */
  readonly open: () => void;
}

/** Which requests are sent again, and when, is decided here and nowhere else. */
export function createRequests(parts: RequestParts): Requests {
  const { place, patience, triesAgain = 3 } = parts;
  let rest: { readonly until: Millis; readonly error: LociError } | undefined;

  return {
    async call(request) {
      const began = performance.now();
      for (let tries = 1; ; tries++) {
        if (rest && performance.now() < rest.until) throw rest.error;
        const { anew } = request;
        const body = tries === 1 ? request.body : (anew?.() ?? request.body);
        const outcome = await attempt(parts, { ...request, body });
        if (!(outcome instanceof NoAnswer) && outcome.status === 200) return outcome.text;
        // Refused as a whole: nothing of it was done.
        if (anew !== undefined && tries === 1 && isRefused(outcome)) continue;
        const left = (request.deadline ?? patience) - (performance.now() - began);
        const verdict = judge(place, outcome, {
          again: request.again,
          mayTry: tries <= triesAgain,
          tries,
          left,
        });
        if ("wait" in verdict) {
          await sleep(verdict.wait);
          continue;
        }
        const { error, quiet } = verdict;
        // Whoever comes before that is told without asking the server.
        if (quiet !== undefined && error instanceof LociError)
          rest = { until: performance.now() + quiet, error };
        throw error;
      }
    },
  };
}

/** One request, with a token that the server accepts. What a 401 answers was not done. */
async function attempt(
  { http, tokens, open }: RequestParts,
  { path, body, answerTimeout, deadline, most }: Request,
): Promise<Reply | NoAnswer> {
  let token = await tokens.current();
  for (;;) {
    open();
    try {
      const reply = await http.post({ path, body, token, answerTimeout, deadline, most });
      if (reply.status !== 401) {
        tokens.accepted();
        return reply;
      }
    } catch (error) {
      if (error instanceof NoAnswer) return error;
      throw error;
    }
    token = await tokens.refused(token);
  }
}

function isRefused(outcome: Reply | NoAnswer): boolean {
  return (
    !(outcome instanceof NoAnswer) && outcome.status >= 400 && outcome.status < 500 && outcome.status !== 429
  );
}

type Verdict = { readonly wait: Millis } | { readonly error: Error; readonly quiet?: Millis };

interface Case {
  readonly again: boolean;
  readonly mayTry: boolean;
  readonly tries: number;
  readonly left: Millis;
}

function judge(place: string, outcome: Reply | NoAnswer, { again, mayTry, tries, left }: Case): Verdict {
  const pause = 100 * 3 ** (tries - 1) * (0.5 + Math.random());
  if (outcome instanceof NoAnswer) {
    if (outcome.stopped !== undefined) return { error: outcome };
    const unknown = outcome.sent && !again;
    if (!unknown && mayTry && left > 0) return { wait: pause };
    return { error: unreachable(place, outcome.message, { unknown }) };
  }
  const { status, retryAfter, text } = outcome;
  // The server says that it did not begin.
  if (status === 429 || status === 503) {
    const wait = retryAfter ?? 2 * pause;
    if (wait <= left) return { wait: wait + Math.random() * 100 };
    return { error: overloaded(place, outcome), ...(retryAfter !== undefined && { quiet: retryAfter }) };
  }
  if (status < 500) return { error: refusedRequest(place, status, text) };
  if (!again) return { error: unreachable(place, `HTTP ${status}`, { unknown: true }) };
  return mayTry && left > 0 ? { wait: pause } : { error: refusedRequest(place, status, text) };
}

function overloaded(place: string, { status, retryAfter, text }: Reply): LociError {
  const wait = retryAfter === undefined ? "" : ` and asks to wait ${Math.ceil(retryAfter / 1_000)} s`;
  return new LociError("busy", `${place} is overloaded (HTTP ${status})${wait}.`, {
    where: place,
    next: "Try again later",
    cause: new Error(text.slice(0, 200)),
  });
}
