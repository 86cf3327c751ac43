export { fence, moment, recalledNotice } from "../domains/recalled.ts";

import { LociError } from "../errors.ts";
import { sessions } from "../model/session.ts";
import type { Loci } from "../open.ts";
import type { Context } from "./operation.ts";

/**
 * The id of the session that somebody means: a stored one by the beginning of its id, else the text as it stands,
 * since programs keep things of sessions that were never recorded.
 */
export async function sessionMeant(
  loci: Loci,
  given: string | undefined,
  { wholeIds = false }: Pick<Context, "wholeIds">,
): Promise<string | undefined> {
  if (given === undefined || wholeIds) return given;
  const found = await loci.engine.find(sessions, {
    where: { id: { startsWith: given } },
    limit: 1,
    fields: ["id"],
  });
  return found.length === 0 || given.length < 4 ? given : (await loci.sessions.resolve(given)).id;
}

/** A JSON value, where the text is one; else the text itself. */
export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A JSON value. Errors: `invalid`. */
export function jsonValue(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const start = text.length > 60 ? `${text.slice(0, 60)}…` : text;
    throw new LociError("invalid", `${name} is JSON, such as {"step":3}, not ${JSON.stringify(start)}.`, {
      cause,
    });
  }
}
