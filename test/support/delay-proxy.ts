import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP proxy that brings each piece later, both ways: a region that is far away. */
export interface DelayProxy {
  readonly port: number;
  /** One way, in ms, from now on. */
  delay: (at: number) => number;
  /** Ends the connections and refuses new ones: the region is gone. */
  stop(): Promise<void>;
  /** Takes connections, and answers nothing on any: the worst way to be gone. */
  freeze(frozen: boolean): void;
  start(): Promise<void>;
}

export async function startDelayProxy(
  target: { readonly host: string; readonly port: number },
  oneWay: number,
): Promise<DelayProxy> {
  const sockets = new Set<Socket>();
  let frozen = false;
  let port = 0;
  const forward = (from: Socket, to: Socket): void => {
    from.on("data", (data) => {
      if (!frozen) setTimeout(() => to.writable && to.write(data), proxy.delay(oneWay));
    });
    from.on("error", () => to.destroy());
    from.on("close", () => setTimeout(() => to.destroy(), oneWay));
  };
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ ...target, noDelay: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    }
    forward(near, far);
    forward(far, near);
  });
  const proxy: DelayProxy = {
    get port() {
      return port;
    },
    delay: (at) => at,
    freeze: (now) => {
      frozen = now;
    },
    async start() {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
      ({ port } = server.address() as AddressInfo);
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, "close");
    },
  };
  await proxy.start();
  return proxy;
}
