import type { Ingest } from "../../domains/ingest.ts";
import { type Engine, update } from "../../engine/engine.ts";
import type { Happening } from "../../model/happening.ts";
import { type ImportedFile, importedFiles } from "../../model/raw-event.ts";
import { familyHappenings } from "../sources/claude-code/family.ts";
import { isClaude } from "../sources/parsers.ts";
import { fileState, isSecond } from "./plan.ts";

interface Family {
  readonly rows: readonly ImportedFile[];
  readonly happenings: readonly Happening[];
  readonly sessions: readonly string[];
}

/**
 * What only the files of a session and its sub-agents together tell: calls that stand in no line, and what a
 * sub-agent is. Then the totals are set, and the files marked as done: a run that ends before does it the next time.
 */
export async function settleFamilies(
  { engine, ingest, now }: { readonly engine: Engine; readonly ingest: Ingest; readonly now: () => number },
  roots: readonly string[],
): Promise<void> {
  const families: Family[] = [];
  for (const root of roots) families.push(await familyOf(engine, root));
  const happenings = families.flatMap((family) => family.happenings);
  if (happenings.length > 0) await ingest.write(happenings);
  await ingest.settle(families.flatMap((family) => family.sessions));
  const changes = families
    .flatMap((family) => family.rows)
    .map(({ id, generation, offset }) =>
      update(importedFiles, { id, generation, offset }, { importedAt: now() }),
    );
  if (changes.length > 0) await engine.write(changes);
}

async function familyOf(engine: Engine, root: string): Promise<Family> {
  const found = await engine.find(importedFiles, { where: { id: { startsWith: root } } });
  const rows = found.filter(({ id }) =>
    [root, `${root}/`, `${root}@`].some((name) => belongs(id, root, name)),
  );
  const stateOf = (row: ImportedFile) => fileState(row)?.parser ?? [];
  const states = rows.filter(({ id }) => !isSecond(id)).flatMap(stateOf);
  // Only Claude Code has calls in no line, and sub-agents that another file tells of.
  const claude = states.filter((state) => isClaude(state));
  const main = claude.find((state) => state.parentSessionId === null);
  const children = claude.filter((state) => state.parentSessionId !== null);
  return {
    rows,
    happenings: main === undefined ? [] : await familyHappenings(engine, main, children),
    // Also where only another file of a session tells of it.
    sessions: [
      ...new Set(
        rows
          .flatMap(stateOf)
          .filter((state) => state.seen)
          .map((state) => state.sessionId),
      ),
    ],
  };
}

function belongs(id: string, root: string, name: string): boolean {
  return name === root ? id === root : id.startsWith(name);
}
