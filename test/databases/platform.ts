import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A server of ours that speaks the documented part of Turso's Platform API: routes, JSON and errors. */
export interface FakePlatform {
  readonly url: string;
  /** What the organization's token is. */
  readonly token: string;
  readonly organization: string;
  /** `POST /v1/organizations/acme/databases` and the like, in order. */
  readonly asked: string[];
  readonly databases: Map<string, { group: string; generation: number }>;
  /** Where databases are; default `NAME-acme.turso.io`. */
  host?: string;
  /** Makes tokens that a real server takes. */
  sign?: (name: string, permission: "read-only" | "full-access") => Promise<string>;
  /** The next answer has this status. */
  failNext(status: number): void;
  /** Whether a database token is good. */
  isGood(token: string): boolean;
  stop(): Promise<void>;
}

function jwt(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "EdDSA", typ: "JWT" })}.${part(claims)}.c2lnbmF0dXJl`;
}

export async function startPlatform(): Promise<FakePlatform> {
  const token = "org-token-that-nobody-may-see";
  const organization = "acme";
  const asked: string[] = [];
  const databases = new Map<string, { group: string; generation: number }>();
  const groups = [{ name: "default", locations: ["lhr"], primary: "lhr" }];
  const failures: number[] = [];
  let minted = 0;

  const hostOf = (name: string): string => fake.host ?? `${name}-acme.turso.io`;
  const answer = async (request: IncomingMessage): Promise<readonly [status: number, body?: object]> => {
    const url = new URL(request.url ?? "/", "http://here");
    asked.push(`${request.method} ${url.pathname}${url.search}`);
    if (request.headers.authorization !== `Bearer ${token}`)
      return [401, { error: "could not parse jwt id: not valid" }];
    const failure = failures.shift();
    if (failure !== undefined) return [failure, { error: `told to fail with ${failure}` }];
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const body = text === "" ? {} : (JSON.parse(text) as Record<string, string>);
    const [, what, name, ...rest] =
      /^\/v1\/organizations\/acme\/(databases|groups)(?:\/([^/]+))?(?:\/(.+))?$/.exec(url.pathname) ?? [];
    const [action = ""] = rest;
    if (what === "groups" && request.method === "GET") return [200, { groups }];
    if (what === "groups" && request.method === "POST") {
      const group = {
        name: String(body["name"]),
        locations: [String(body["location"])],
        primary: String(body["location"]),
      };
      groups.push(group);
      return [200, { group }];
    }
    if (what !== "databases") return [404, { error: "not found" }];
    if (name === undefined && request.method === "GET") {
      const all = [...databases].map(([Name, { group }]) => ({
        Name,
        DbId: Name,
        Hostname: hostOf(Name),
        group,
      }));
      return [200, { databases: all }];
    }
    if (name === undefined) {
      const fresh = String(body["name"]);
      if (databases.has(fresh)) return [409, { error: `database with name ${fresh} already exists` }];
      if (!groups.some((group) => group.name === body["group"])) return [400, { error: "group not found" }];
      databases.set(fresh, { group: String(body["group"]), generation: 0 });
      return [200, { database: { Name: fresh, DbId: fresh, Hostname: hostOf(fresh) } }];
    }
    const database = databases.get(name);
    if (database === undefined)
      return [404, { error: `could not find database with name ${name}: record not found` }];
    if (request.method === "DELETE") {
      databases.delete(name);
      return [200, { database: name }];
    }
    if (action === "auth/tokens") {
      const days = /^(\d+)d$/.exec(url.searchParams.get("expiration") ?? "")?.[1];
      const exp = days === undefined ? {} : { exp: Math.floor(Date.now() / 1000) + Number(days) * 86_400 };
      const readOnly = url.searchParams.get("authorization") === "read-only";
      if (fake.sign) return [200, { jwt: await fake.sign(name, readOnly ? "read-only" : "full-access") }];
      const a = readOnly ? "ro" : "rw";
      return [200, { jwt: jwt({ a, id: name, generation: database.generation, n: ++minted, ...exp }) }];
    }
    if (action === "auth/rotate") {
      database.generation++;
      return [200];
    }
    if (action === "usage") {
      const usage = { rows_read: 1200, rows_written: 34, storage_bytes: 40_960 };
      return [200, { database: { uuid: name, instances: [], usage } }];
    }
    return [404, { error: "not found" }];
  };
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    void answer(request).then(([status, body]) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(body === undefined ? "" : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const fake: FakePlatform = {
    url: `http://127.0.0.1:${port}/v1/`,
    token,
    organization,
    asked,
    databases,
    failNext: (status) => void failures.push(status),
    isGood(given) {
      const claims = JSON.parse(Buffer.from(given.split(".")[1] ?? "", "base64url").toString()) as {
        id: string;
        generation: number;
      };
      return databases.get(claims.id)?.generation === claims.generation;
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return fake;
}
