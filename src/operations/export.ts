import { importedFiles } from "../model/raw-event.ts";
import { sessions as sessionRows } from "../model/session.ts";
import type { Loci } from "../open.ts";
import { exportLines, exportTranscripts, rawBytes } from "../record/export.ts";

/** Lines of the interchange format: of one session and its sub-agents, or of all. */
export async function* linesOf(loci: Loci, idOrPrefix: string | undefined): AsyncGenerator<string> {
  if (idOrPrefix === undefined) {
    yield* exportLines(loci.engine);
    return;
  }
  const { id } = await loci.sessions.resolve(idOrPrefix);
  yield* exportLines(loci.engine, [id, ...(await subAgents(loci, id))]);
}

async function subAgents(loci: Loci, parentSessionId: string): Promise<string[]> {
  const own = await loci.engine.find(sessionRows, { where: { parentSessionId }, fields: ["id"] });
  const below: string[] = [];
  // A parent that is its own child's child, which a file may say, must not turn this in circles.
  for (const { id } of own)
    if (id.startsWith(`${parentSessionId}/`)) below.push(...(await subAgents(loci, id)));
  return [...own.map(({ id }) => id), ...below];
}

/** The transcript of a session, or a file in which no session was found, byte for byte as it was read. */
export async function* transcriptOf(loci: Loci, idOrPrefix: string): AsyncGenerator<Uint8Array> {
  const where = { id: idOrPrefix };
  const [file] = await loci.engine.find(importedFiles, { where, fields: ["id"], limit: 1 });
  const { id } = file ?? (await loci.sessions.resolve(idOrPrefix));
  yield* rawBytes(loci.engine, id);
}

/** Every transcript as a file below a folder. Answers their paths. */
export function transcriptsTo(loci: Loci, folder: string): Promise<string[]> {
  return exportTranscripts(loci.engine, folder);
}
