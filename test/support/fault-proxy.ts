import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * - `pass`: brings everything
 * - `silent`: takes all and brings nothing, neither way
 * - `cut the answer`: the request arrives, the answer is reset in its middle
 * - `cut the request`: reset after the first bytes of a request
 * - `drip`: brings the answer in pieces of 64 bytes with a pause between
 */
export type Fault = "pass" | "silent" | "cut the answer" | "cut the request" | "drip";

export interface FaultProxy {
  readonly port: number;
  /** What happens to connections from now on, those that are open too. */
  fault: Fault;
  /** After so many faults it passes again. */
  faults: number;
  /** Requests that came. */
  requests: number;
  /** Refuses connections. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** A TCP proxy on 127.0.0.1 that does what networks do. */
export async function startFaultProxy(port: number): Promise<FaultProxy> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: "127.0.0.1", port, noDelay: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => undefined);
    }
    const cut = (): void => {
      if (--proxy.faults <= 0) proxy.fault = "pass";
      near.resetAndDestroy();
      far.resetAndDestroy();
    };
    near.on("data", (data) => {
      if (data.includes("POST /")) proxy.requests++;
      if (proxy.fault === "silent") return;
      if (proxy.fault === "cut the request") {
        far.write(data.subarray(0, 20));
        return cut();
      }
      far.write(data);
    });
    far.on("data", (data) => {
      if (proxy.fault === "silent") return;
      if (proxy.fault === "cut the answer") {
        near.write(data.subarray(0, data.length >> 1), cut);
        return;
      }
      if (proxy.fault === "drip") void drip(near, data);
      else near.write(data);
    });
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  const proxy: FaultProxy = {
    fault: "pass",
    faults: 1,
    requests: 0,
    get port() {
      return own;
    },
    async start() {
      server.listen(own, "127.0.0.1");
      await once(server, "listening");
      own = (server.address() as AddressInfo).port;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, "close");
    },
  };
  let own = 0;
  await proxy.start();
  return proxy;
}

async function drip(to: Socket, data: Buffer): Promise<void> {
  for (let at = 0; at < data.length && to.writable; at += 64) {
    to.write(data.subarray(at, at + 64));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
