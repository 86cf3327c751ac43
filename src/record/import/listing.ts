import { sessionRow, sortHappenings } from "../../domains/rows.ts";
import { insert } from "../../engine/engine.ts";
import type { Happening } from "../../model/happening.ts";
import type { ModelCall } from "../../model/model-call.ts";
import { importedFiles } from "../../model/raw-event.ts";
import { sessions } from "../../model/session.ts";
import type { Identity } from "./identify.ts";
import type { Run } from "./run.ts";
import type { Scan } from "./job.ts";
import { noTokens, type Tokens } from "../sources/claude-code/state.ts";
import { plus } from "../sources/claude-code/usage.ts";

/** How many sessions are listed in one step: the first step is what a person sees first. */
const listedAtOnce = 20;

/** Less than this is read to its end sooner than it would be looked through. */
const worthListing = 4 * 1024 * 1024;

/** Lists the sessions of files that were never read, with title, project, model, tokens and cost. */
export async function listSessions(run: Run, identities: readonly Identity[]): Promise<void> {
  const fresh = await neverRead(run, identities);
  const totalBytes = fresh.reduce((sum, { file }) => sum + file.size, 0);
  if (totalBytes < worthListing) return;
  const { redact, limits } = run;
  const scans = fresh.map(async ({ file, transcript }) => {
    const job = { kind: "scan", path: file.path, transcript, redact, limits } as const;
    // A file that cannot be read is told of when it is read to its end.
    return run.threads.scan(job).catch(() => undefined);
  });
  let bytes = 0;
  for (let start = 0; start < fresh.length; start += listedAtOnce) {
    const found = await Promise.all(scans.slice(start, start + listedAtOnce));
    const happenings = found.flatMap((scan) => (scan === undefined ? [] : listed(run, scan)));
    const parts = sortHappenings(happenings, run.now()).sessions.values();
    const rows = [...parts].map((part) => sessionRow(part, part.startedAt ?? run.now()));
    // Only what is not there: another import may already have read a session to its end.
    await run.write(() => run.engine.write([insert(sessions, rows)]));
    for (const { file } of fresh.slice(start, start + listedAtOnce)) bytes += file.size;
    const done = Math.min(fresh.length, start + listedAtOnce);
    run.progress({ stage: "list", done, files: fresh.length, bytes, totalBytes });
  }
}

async function neverRead(run: Run, identities: readonly Identity[]): Promise<Identity[]> {
  const rows = await run.engine.find(importedFiles, { fields: ["id"] });
  const known = new Set(rows.map((row) => row.id));
  return identities.filter(({ id }) => !known.has(id));
}

/** The session with the totals that its rows will add up to. */
function listed(run: Run, { session, state, counts }: Scan): Happening[] {
  if (session?.kind !== "session") return [];
  let tokens: Tokens = noTokens;
  let costUsd = 0;
  let costComplete = true;
  for (const [model, used] of Object.entries(state.usage)) {
    tokens = plus(tokens, used);
    const cost = run.costOf(callOf(session.id, model, { used, at: state.endedAt ?? 0 }));
    if (cost === null) costComplete = false;
    else costUsd += cost;
  }
  return [
    {
      ...session,
      messageCount: counts.messages,
      toolCount: counts.tools,
      errorCount: counts.errors + (state.status === "error" ? 1 : 0),
      inputTokens: tokens[0],
      outputTokens: tokens[1],
      cacheReadTokens: tokens[2],
      cacheWriteTokens: tokens[3],
      costUsd,
      costComplete,
      updatedAt: session.endedAt ?? session.startedAt,
    },
  ];
}

/** All calls of a model as one: prices are linear. */
function callOf(
  sessionId: string,
  model: string,
  { used, at }: { readonly used: Tokens; readonly at: number },
): ModelCall {
  return {
    id: sessionId,
    sessionId,
    messageId: null,
    model,
    provider: null,
    inputTokens: used[0],
    outputTokens: used[1],
    cacheReadTokens: used[2],
    cacheWriteTokens: used[3],
    costUsd: null,
    startedAt: at,
    durationMs: null,
    final: true,
    estimated: false,
    inherited: false,
    metadata: { cacheWrite1h: used[4] },
  };
}
