import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";

export interface ProbeOptions {
  readonly signal: AbortSignal;
  readonly elapsed: () => Millis;
}

/** Asks the smallest question that a server of this URL answers to anybody. Answers how long the exchange took. */
export function probeUrl(url: string, options: ProbeOptions): Promise<Millis> {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  switch (protocol) {
    case "http:":
    case "ws:":
      return probeHttp(new URL(url.replace(/^ws:/, "http:")), options);
    case "https:":
    case "wss:":
    case "libsql:":
      return probeHttp(new URL(url.replace(/^(?:wss|libsql):/, "https:")), options);
    case "postgres:":
    case "postgresql:":
      return probePostgres({ host, port: Number(port || 5432) }, options);
    case "tcp:":
      return probeTcp({ host, port: Number(port) }, options);
    default:
      throw new LociError(
        "unsupported",
        `A region is probed at http, libsql, postgres or tcp, not ${protocol}`,
        {
          where: url,
          next: "Give open() of the edge a probe of your own.",
        },
      );
  }
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** From the sent question to the first byte of the answer, whatever it says: the connection is not counted. */
function probeHttp(url: URL, { signal, elapsed }: ProbeOptions): Promise<Millis> {
  const request = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    let began = elapsed();
    const asked = request(url, { method: "HEAD", agent: false, signal }, (answer) => {
      resolve(elapsed() - began);
      answer.resume();
    });
    asked.once("socket", (socket) => {
      socket.once(url.protocol === "https:" ? "secureConnect" : "connect", () => {
        began = elapsed();
      });
    });
    asked.once("error", reject);
    asked.end();
  });
}

/** `SSLRequest`: eight bytes that every PostgreSQL answers with one, before it asks who we are. */
const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

function probePostgres({ host, port }: Address, { signal, elapsed }: ProbeOptions): Promise<Millis> {
  return new Promise((resolve, reject) => {
    let began = elapsed();
    const socket = connect({ host, port, signal });
    socket.once("connect", () => {
      began = elapsed();
      socket.write(sslRequest);
    });
    socket.once("data", () => {
      resolve(elapsed() - began);
      socket.destroy();
    });
    socket.once("error", reject);
    socket.once("close", () =>
      reject(new LociError("unreachable", `${host}:${port} closed the connection.`)),
    );
  });
}

function probeTcp({ host, port }: Address, { signal, elapsed }: ProbeOptions): Promise<Millis> {
  return new Promise((resolve, reject) => {
    const began = elapsed();
    const socket = connect({ host, port, signal });
    socket.once("connect", () => {
      resolve(elapsed() - began);
      socket.destroy();
    });
    socket.once("error", reject);
  });
}
