import { hostname } from "node:os";
import type { AuthToken } from "./engine/json-web-token.ts";
import type { Engine } from "./engine/engine.ts";
import { LociError } from "./errors.ts";
import type { Millis } from "./model/collection.ts";
import type { SyncMode } from "./model/sync-state.ts";
import { describePlace, type Environment, type Place, storeUrl, toPlace } from "./place.ts";
import type { RedactOptions } from "./record/redact.ts";
import { withEnvFile } from "./record/redact-env.ts";
import { openStore } from "./store.ts";
import { createSyncThread } from "./sync-handle.ts";
import type { After } from "./sync/report.ts";
import type { Link } from "./sync/link/run.ts";
import type { linkParts } from "./sync-link.ts";
import { createSync, type OpenSync, type SyncRunner } from "./sync/sync.ts";

/** Timers that keep no process alive. */
export const unheld: After = (ms, run) => {
  const timer = setTimeout(run, ms).unref();
  return () => clearTimeout(timer);
};

/** With whom a store syncs, and when. See docs/sync.md. */
export interface SyncSettings {
  /** The hub: any store. `libsql://…`, `postgres://…`, a file. */
  readonly url: string;
  /** What a libSQL server asks for, or what makes one. Default: what `LOCI_SYNC_TOKEN` says. */
  readonly authToken?: AuthToken | undefined;
  /** `push` sends only, `pull` takes only, `full` does both. Default `full`. */
  readonly mode?: SyncMode | undefined;
  /** Also a sync each so many ms, while the store is open. */
  readonly every?: Millis | undefined;
  /** A sync when a session that was recorded here ends, well or in an error. Default true. */
  readonly atSessionEnd?: boolean | undefined;
  /** What the hub calls this store. Default: the name of this host. */
  readonly name?: string | undefined;
  /** What is replaced before anything leaves, beside the standard rules. */
  readonly redact?: Omit<RedactOptions, "off"> | undefined;
}

export interface StoreSync extends OpenSync {
  readonly atSessionEnd: boolean;
}

export interface SyncStoreParts {
  readonly url: string;
  readonly place: Place;
  readonly engine: Engine;
  readonly authToken: AuthToken | undefined;
  readonly settings: SyncSettings | undefined;
}

/** What the environment says: it is for the store that the environment means, and for no other one. */
export function syncFrom(env: Environment, url: string): SyncSettings | undefined {
  const hub = env["LOCI_SYNC_URL"];
  if (hub === undefined || hub === "" || url !== storeUrl(env)) return undefined;
  return { url: hub, mode: modeFrom(env["LOCI_SYNC_MODE"]) };
}

function modeFrom(said: string | undefined): SyncMode {
  if (said === undefined || said === "") return "full";
  if (said === "push" || said === "pull" || said === "full") return said;
  throw new LociError("config", `LOCI_SYNC_MODE is push, pull or full, not ${JSON.stringify(said)}.`, {
    where: "LOCI_SYNC_MODE",
    next: "loci sync status",
  });
}

/** A store's part in sync; undefined where its backend cannot take part. Nothing is begun by it. */
export function syncOf(parts: SyncStoreParts, env: Environment): StoreSync | undefined {
  const { engine, settings } = parts;
  if (engine.feed === undefined) return undefined;
  const hub = settings === undefined ? undefined : hubOf(parts, settings, env);
  const opened = createSync({
    own: engine,
    hub,
    every: settings?.every,
    now: Date.now,
    after: unheld,
    random: Math.random,
  });
  return { ...opened, atSessionEnd: hub !== undefined && settings?.atSessionEnd !== false };
}

function hubOf(
  parts: SyncStoreParts,
  settings: SyncSettings,
  env: Environment,
): { readonly place: string; readonly mode: SyncMode; readonly runner: SyncRunner } {
  const place = describePlace(toPlace(settings.url));
  const mode = settings.mode ?? "full";
  const authToken = settings.authToken ?? tokenFrom(env, settings.url);
  const how = { name: settings.name ?? hostname(), redact: withEnvFile(settings.redact) };
  return { place, mode, runner: runnerOf(parts, { ...settings, authToken }, how) };
}

/** `LOCI_SYNC_TOKEN` is for the hub that `LOCI_SYNC_URL` names, and no other one sees it. */
function tokenFrom(env: Environment, url: string): string | undefined {
  const token = env["LOCI_SYNC_TOKEN"];
  return token !== undefined && token !== "" && env["LOCI_SYNC_URL"] === url ? token : undefined;
}

function runnerOf(
  { url, place, engine, authToken }: SyncStoreParts,
  hub: SyncSettings,
  how: { readonly name: string; readonly redact: RedactOptions },
): SyncRunner {
  const isHere =
    place.kind === "memory" ||
    toPlace(hub.url).kind === "memory" ||
    typeof authToken === "function" ||
    how.redact.rules?.some(({ accept }) => accept !== undefined) === true;
  const token = hub.authToken;
  const asked = typeof token === "function" ? token : undefined;
  if (!isHere) {
    const named = {
      url: hub.url,
      authToken: asked ? undefined : String(token ?? "") || undefined,
      asks: asked !== undefined,
    };
    return createSyncThread({ url, authToken, hub: named, ...how }, asked);
  }
  // What only this process has, or what cannot be sent to a thread, is synced from here.
  const openHub = async (): Promise<Engine> =>
    (await openStore(hub.url, { authToken: token, queries: false })).engine;
  const made = { own: engine, openHub, place: describePlace(toPlace(hub.url)) };
  let link: Promise<Link> | undefined;
  const linked = (): Promise<Link> => (link ??= createHere(how, made));
  return {
    run: async (mode, options) => (await linked()).run(mode, options),
    verify: async (mode, options) => (await linked()).verify(mode, options),
    repair: async (mode, options) => (await linked()).repair(mode, options),
    close: async () => (await link)?.close(),
  };
}

async function createHere(
  how: Parameters<typeof linkParts>[0],
  made: Parameters<typeof linkParts>[1],
): Promise<Link> {
  const [{ createLink }, { linkParts }] = await Promise.all([
    import("./sync/link/run.ts"),
    import("./sync-link.ts"),
  ]);
  return createLink(linkParts(how, made));
}
