import type { Millis } from "../model/collection.ts";

/** A token, or what makes one: asked when the server does not accept the one before. */
export type AuthToken = string | (() => string | undefined | Promise<string | undefined>);

/** When a JSON web token says that it ends. */
export function expiryOf(token: string): Millis | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    const seconds: unknown =
      typeof claims === "object" && claims !== null ? Reflect.get(claims, "exp") : undefined;
    return typeof seconds === "number" ? seconds * 1_000 : undefined;
  } catch {
    // Not every server's tokens are such.
    return undefined;
  }
}
