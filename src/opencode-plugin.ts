import { type OpencodeHooks, opencodePlugin } from "./attach/opencode/plugin.ts";
import { storeUrl, toPlace } from "./place.ts";
import { createRecorder, type Recorder } from "./record/recorder.ts";

/** What OpenCode loads: it takes every export for a plugin, so that this is the only one. */
export async function Loci(context: unknown): Promise<OpencodeHooks> {
  return opencodePlugin(context, { recorder: configured });
}

/** A recorder of the configured store, silent: OpenCode draws on the terminal. */
function configured(): Recorder | undefined {
  const url = storeUrl();
  const place = toPlace(url);
  return place.kind === "memory"
    ? undefined
    : createRecorder({ spool: place.spool, store: url, warn: false });
}
