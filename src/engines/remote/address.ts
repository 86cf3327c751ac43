import { LociError } from "../../errors.ts";

/** Where a server is, taken apart. */
export interface RemoteAddress {
  /** `http:` or `https:`, without a path's last slash, without credentials. */
  readonly base: URL;
  /** For messages. */
  readonly place: string;
  /** What stood in the URL as `?authToken=`; it goes no further than into a header. */
  readonly token: string | undefined;
}

/** `libsql://` and `wss://` are https; `ws://` and `?tls=0` are http, for a server on this machine or in its network. */
export function addressOf(url: string): RemoteAddress {
  if (!URL.canParse(url)) {
    throw new LociError("config", "The URL of the libSQL server cannot be read.", {
      next: "libsql://name.example.org, or http://127.0.0.1:8080 for a server on this machine",
    });
  }
  const parsed = new URL(url);
  const { protocol, host, pathname, searchParams } = parsed;
  const plain = protocol === "http:" || protocol === "ws:" || searchParams.get("tls") === "0";
  const path = pathname.replace(/\/+$/, "");
  return {
    base: new URL(`${plain ? "http" : "https"}://${host}${path}`),
    place: `${protocol}//${host}${pathname}`,
    token: searchParams.get("authToken") ?? undefined,
  };
}
