import type { EdgeReplica } from "../../model/edge.ts";

/** One client for each region. */
export interface Pool<Client> {
  readonly clientOf: (replica: EdgeReplica) => Promise<Client>;
  readonly close: () => Promise<void>;
}

/** A client is made when its region is first asked; again after it could not be made, and when the URL changed. */
export function createPool<Client>(
  connect: (replica: EdgeReplica) => Client | Promise<Client>,
  closeClient: ((client: Client) => void | Promise<void>) | undefined,
): Pool<Client> {
  const clients = new Map<string, { readonly url: string | null; readonly client: Promise<Client> }>();

  function clientOf(replica: EdgeReplica): Promise<Client> {
    const { edgeRegion, url } = replica;
    const known = clients.get(edgeRegion);
    if (known?.url === url) return known.client;
    if (known) void end(known.client);
    const client = Promise.resolve().then(() => connect(replica));
    const made = { url, client };
    clients.set(edgeRegion, made);
    client.catch(() => clients.get(edgeRegion) === made && clients.delete(edgeRegion));
    return client;
  }

  async function end(client: Promise<Client>): Promise<void> {
    // One that could not be made, or cannot be closed, is gone as well.
    await client.then((one) => closeClient?.(one)).catch(() => undefined);
  }

  return {
    clientOf,
    async close() {
      const open = [...clients.values()];
      clients.clear();
      await Promise.all(open.map(({ client }) => end(client)));
    },
  };
}
