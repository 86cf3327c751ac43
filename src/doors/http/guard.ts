import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/**
 * Who may speak to a server of ours that listens on this machine. A page in the person's browser can send requests to
 * 127.0.0.1, also under a name that its author owns and that suddenly means 127.0.0.1 (DNS rebinding): so the name
 * that was called and the page that calls are compared with a short list, and everything wants a token.
 */
export interface GuardOptions {
  /** What may stand in `Host`, with the port: `127.0.0.1:4747`. */
  readonly names: readonly string[];
  /** The paths that are served. */
  readonly paths: readonly string[];
  readonly token: string;
  /** What said the token at its start. */
  readonly command: string;
}

export interface Refusal {
  readonly status: number;
  readonly message: string;
}

export type Guard = (request: IncomingMessage) => Refusal | undefined;

/** The names of this machine for itself. */
export function localNames(port: number): string[] {
  const names = ["127.0.0.1", "localhost", "[::1]"];
  return [...names.map((name) => `${name}:${port}`), ...(port === 80 ? names : [])];
}

export function createGuard({ names, paths, token, command }: GuardOptions): Guard {
  const hosts = new Set(names.map((name) => name.toLowerCase()));
  const origins = new Set([...hosts].flatMap((name) => [`http://${name}`, `https://${name}`]));
  const isRight = sameAs(`Bearer ${token}`);
  return (request) => {
    const all = (name: string): string[] => headersNamed(request, name);
    const url = request.url ?? "";
    const [host, ...moreHosts] = all("host");
    // A proxy's form of a request (`GET http://…`) names a host of its own, beside the one that is checked.
    if (host === undefined || moreHosts.length > 0 || !hosts.has(host.toLowerCase()) || !url.startsWith("/"))
      return { status: 403, message: "This server is not called by that name." };
    const site = all("sec-fetch-site");
    if (
      all("origin").some((origin) => !origins.has(origin.toLowerCase())) ||
      site.some((one) => one !== "same-origin" && one !== "none")
    )
      return { status: 403, message: "Pages of other sites are not answered." };
    if (!paths.includes(url.split("?", 1)[0] ?? "")) return { status: 404, message: "Nothing is here." };
    const [given, ...moreGiven] = all("authorization");
    if (given === undefined || moreGiven.length > 0 || !isRight(given))
      return {
        status: 401,
        message: `The bearer token is missing or wrong: ${command} said it on stderr.`,
      };
    return undefined;
  };
}

/** All that were sent: of two that should be one, Node keeps the first and somebody else may keep the last. */
function headersNamed({ rawHeaders }: IncomingMessage, name: string): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
}

/** Compares in a time that says nothing of where the difference is, nor of the length. */
function sameAs(expected: string): (given: string) => boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  const right = digest(expected);
  // The scheme may be written in any case (RFC 9110), the token may not. Some exporters of telemetry send what stands
  // in OTEL_EXPORTER_OTLP_HEADERS as it is, where a space is written as %20.
  return (given) => timingSafeEqual(digest(given.replace(/^bearer(?: |%20)/i, "Bearer ")), right);
}
