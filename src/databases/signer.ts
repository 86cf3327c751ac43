import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { LociError } from "../errors.ts";

/** Makes JSON web tokens that a sqld accepts which was started with the public half (`--auth-jwt-key-file`). */
export function signToken(key: KeyObject, claims: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "EdDSA", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${sign(null, Buffer.from(text), key).toString("base64url")}`;
}

/** An Ed25519 private key in PEM. Errors: `config`. */
export function readSigningKey(path: string, variable: string): KeyObject {
  const wrong = (why: string, cause?: unknown): LociError =>
    new LociError("config", `The file that ${variable} names ${why}.`, {
      where: path,
      next: "openssl genpkey -algorithm ed25519 -out key.pem makes one; its public half goes to the server",
      cause,
    });
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(path));
  } catch (cause) {
    throw wrong("cannot be read as a private key", cause);
  }
  if (key.asymmetricKeyType !== "ed25519") throw wrong(`has a key of ${key.asymmetricKeyType}, not Ed25519`);
  return key;
}
