import { parentPort, workerData } from "node:worker_threads";
import type { Told } from "./account.ts";
import { Drain, type DrainMessage } from "./drain.ts";
import { thisProcess } from "./owner.ts";
import { createShared } from "./shared.ts";
import type { DrainStore } from "./write-lines.ts";

/** What a recorder gives its thread. */
export interface DrainThreadData {
  readonly folder: string;
  readonly recorder: string;
  readonly memory: SharedArrayBuffer;
  readonly store: string;
  readonly authToken: string | undefined;
  /** The module whose `openDrainStore` opens it: this folder does not know the backends. */
  readonly opener: string;
}

interface Opener {
  readonly openDrainStore: (
    url: string,
    options?: { readonly authToken?: string | undefined },
  ) => Promise<DrainStore>;
}

export type DrainOrder =
  | { readonly kind: "wake"; readonly told: Told }
  | { readonly kind: "flush"; readonly id: number; readonly told: Told }
  | { readonly kind: "close" };

if (parentPort) serve(parentPort, workerData);

function serve(port: NonNullable<typeof parentPort>, data: DrainThreadData): void {
  const drain = new Drain({
    folder: data.folder,
    recorder: data.recorder,
    owner: thisProcess(),
    shared: createShared(data.memory),
    openStore: async () => {
      // A module chosen by its address has no type of its own; drain-store.ts is the one that ships.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      const opener = (await import(data.opener)) as Opener;
      return opener.openDrainStore(data.store, { authToken: data.authToken });
    },
    tell: (message: DrainMessage) => port.postMessage(message),
    now: Date.now,
  });
  port.on("message", (order: DrainOrder) => {
    if (order.kind === "wake") drain.wake(order.told);
    else if (order.kind === "flush") drain.flush(order.id, order.told);
    else void drain.close().finally(() => port.close());
  });
}
