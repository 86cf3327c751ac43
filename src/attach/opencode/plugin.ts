import type { Recorder } from "../../record/recorder.ts";
import { objectOf } from "../../record/sources/claude-code/line.ts";
import { opencodeApi } from "./api.ts";
import { Intake } from "./intake.ts";

/** The hooks that OpenCode calls; ours is one. */
export interface OpencodeHooks {
  readonly event: (input: { readonly event: unknown }) => Promise<void>;
}

/**
 * What OpenCode starts as a plugin. It only listens: a hook that is slow or throws in any other place would hold up or
 * break the agent. The recorder is made with the first event, and nothing is asked of OpenCode before: it waits for
 * its plugins, and a question would wait for it.
 */
export function opencodePlugin(
  context: unknown,
  {
    recorder,
    now = Date.now,
  }: { readonly recorder: () => Recorder | undefined; readonly now?: () => number },
): OpencodeHooks {
  let intake: Intake | null | undefined;
  let work: Promise<unknown> = Promise.resolve();

  function begin(): Intake | null {
    try {
      const made = recorder();
      if (made === undefined) return null;
      return new Intake({ record: made.record, ask: askOf(context), now });
    } catch {
      // A store that cannot be named records nothing; `loci doctor` says why.
      return null;
    }
  }

  return {
    event: async ({ event }) => {
      intake ??= begin();
      const into = intake;
      // Not awaited: OpenCode goes on, whatever we do.
      if (into !== null) work = work.then(() => into.take(event)).catch(() => undefined);
    },
  };
}

function askOf(context: unknown): ReturnType<typeof opencodeApi>["ask"] {
  try {
    return opencodeApi(objectOf(context)?.["client"]).ask;
  } catch {
    // Without it, sessions that were begun before are told from their next change on.
    return undefined;
  }
}
