import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { LociError } from "../errors.ts";
import { importedFiles } from "../model/raw-event.ts";
import type { Loci } from "../open.ts";
import { transcriptFolders } from "../record/import/places.ts";
import type { RestoredFile } from "../record/restore.ts";
import type { Context } from "./operation.ts";

export interface ResumeAnswer {
  readonly session: string;
  readonly source: string;
  /** Where the command is to be run. */
  readonly folder: string;
  readonly command: readonly string[];
  /** What was put back for it; empty where the program has the session itself. */
  readonly files: readonly RestoredFile[];
}

export interface ResumeAsked {
  readonly id: string;
  /** The project's folder on this machine. Without it, the one the session was in; where that is not here, ours. */
  readonly folder: string | undefined;
}

/**
 * Gets a recorded session ready to be continued by its own program. Errors: `not-found`, `invalid`, `unsupported`.
 */
export async function prepareResume(
  loci: Loci,
  { id, folder }: ResumeAsked,
  { env, folder: here }: Pick<Context, "env" | "folder">,
): Promise<ResumeAnswer> {
  // An agent that was killed left its last lines in the spool.
  await loci.recover();
  const found = await loci.sessions.resolve(id);
  // A sub-agent goes on in the session that started it.
  const session = found.parentSessionId === null ? found : await loci.sessions.resolve(topOf(found.id));
  const { source, projectPath } = session;
  const there = folder ?? (projectPath !== null && existsSync(projectPath) ? projectPath : here);
  if (!existsSync(there)) {
    throw new LociError("not-found", "The folder to go on in is not there.", {
      where: there,
      next: `loci resume ${id} --folder FOLDER`,
    });
  }
  const answer = { session: session.id, source, folder: realpathSync(there) };
  if (source === "claude-code" || source === "claude-agent-sdk") {
    const { restoreTranscripts } = await import("../record/restore.ts");
    const [projects = "."] = transcriptFolders(env);
    const place = join(projects, claudeFolder(answer.folder));
    const files = await restoreTranscripts(loci.engine, session.id, place);
    return { ...answer, command: ["claude", "--resume", session.id], files };
  }
  return { ...answer, command: await ownCommand(loci, session), files: [] };
}

function topOf(id: string): string {
  return id.replace(/\/.*$/s, "");
}

/** How Claude Code names the folder of a project: measured with 2.1.329. */
export function claudeFolder(path: string): string {
  return path.replace(/[^A-Za-z0-9]/g, "-");
}

const commands: Readonly<Record<string, readonly string[]>> = {
  codex: ["codex", "resume"],
  opencode: ["opencode", "-s"],
  gemini: ["gemini", "--resume"],
};

/** Other programs go on with what they have on this machine. */
async function ownCommand(
  loci: Loci,
  {
    id,
    sourceId,
    source,
  }: { readonly id: string; readonly sourceId: string | null; readonly source: string },
): Promise<readonly string[]> {
  const command = commands[source];
  if (command === undefined) {
    throw new LociError("unsupported", `A session of ${source} has no program that could go on with it.`, {
      where: id,
      next: `loci show ${id}`,
    });
  }
  const [file] = await loci.engine.find(importedFiles, { where: { id }, fields: ["path"], limit: 1 });
  if (file === undefined || !existsSync(file.path.replace(/#.*$/, ""))) {
    throw new LociError(
      "unsupported",
      `This session of ${source} was recorded on another machine. Only those of Claude Code can be continued elsewhere.`,
      { ...(file === undefined ? {} : { where: file.path }), next: `loci show ${id}` },
    );
  }
  return [...command, sourceId ?? id];
}
