import { createHash } from "node:crypto";
import { type AuthToken, expiryOf } from "../../engine/json-web-token.ts";
import { LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";

export interface Tokens {
  /** The one to send. Errors: `permission` while the server's last word was no. */
  current(): Promise<string | undefined>;
  /** The server said no. Answers another token, once; then whoever asks is told, and the server is left alone. */
  refused(token: string | undefined): Promise<string | undefined>;
  accepted(): void;
}

/**
 * After a no nothing is sent for that long: an agent whose token has run out asks for a new one, and does not hammer the
 * server. For all engines of a process with the same token: a recorder that fails opens its store anew.
 */
const silence: Millis = 60_000;

const refusals = new Map<string, { readonly until: Millis; readonly error: LociError }>();

export function createTokens(place: string, given: AuthToken | undefined): Tokens {
  let known: string | undefined;
  let fresh = false;
  let refreshing: Promise<string | undefined> | undefined;
  const isMade = typeof given === "function";
  const ask = async (): Promise<string | undefined> => (isMade ? given() : given);
  const keyOf = (token: string | undefined): string =>
    createHash("sha256")
      .update(`${place} ${isMade ? "made" : (token ?? "")}`)
      .digest("hex");
  const refresh = async (): Promise<string | undefined> => {
    known = await ask();
    fresh = true;
    refreshing = undefined;
    return known;
  };
  return {
    async current() {
      const refusal = refusals.get(keyOf(isMade ? undefined : given));
      if (refusal && performance.now() < refusal.until) throw refusal.error;
      return (known ??= await ask());
    },
    async refused(token) {
      // Of several requests that were refused together, the first asks for the new token.
      if (refreshing) return refreshing;
      if (known !== undefined && known !== token) return known;
      if (isMade && !fresh) return (refreshing = refresh());
      known = undefined;
      fresh = false;
      const error = refusedToken(place, token);
      refusals.set(keyOf(token), { until: performance.now() + silence, error });
      throw error;
    },
    accepted() {
      fresh = false;
      if (refusals.size > 0) refusals.delete(keyOf(known));
    },
  };
}

function refusedToken(place: string, token: string | undefined): LociError {
  const sentence =
    token === undefined
      ? `${place} wants a token, and none was given.`
      : `${place} does not accept the token${spoiled(token)}. It is asked again in ${silence / 1_000} s.`;
  return new LociError("permission", sentence, { where: place, next: newToken });
}

export const newToken = "turso db tokens create NAME, then set LOCI_AUTH_TOKEN to what it says";

function spoiled(token: string): string {
  const expires = expiryOf(token);
  return expires !== undefined && expires <= Date.now()
    ? `: it expired ${new Date(expires).toISOString()}`
    : "";
}
