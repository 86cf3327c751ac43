import type { Columns } from "./columns.ts";

/** Where a document is: its segment's place in the view, and its number there. */
export interface Place {
  readonly segment: number;
  readonly document: number;
}

/** Finds the document of a message: what was said rather than a tool it called. */
export type Locator = (sessionId: string, sequence: number) => Place | undefined;

/** One segment's documents by session. */
interface Register {
  readonly owners: ReadonlyMap<string, number>;
  readonly starts: Uint32Array;
  readonly documents: Uint32Array;
}

function registerOf(columns: Columns): Register {
  const starts = new Uint32Array(columns.sessions.length + 1);
  for (const owner of columns.owners) starts[owner + 1] = (starts[owner + 1] ?? 0) + 1;
  for (let i = 0; i < columns.sessions.length; i++) starts[i + 1] = (starts[i + 1] ?? 0) + (starts[i] ?? 0);
  const next = starts.slice();
  const documents = new Uint32Array(columns.count);
  columns.owners.forEach((owner, document) => {
    const at = next[owner] ?? 0;
    next[owner] = at + 1;
    documents[at] = document;
  });
  return { owners: new Map(columns.sessions.map(({ id }, i) => [id, i])), starts, documents };
}

/** Makes its registers when first asked: some 10 ms for a million documents, once for a list of segments. */
export function createLocator(all: readonly Columns[], dead: ReadonlyArray<Uint8Array | undefined>): Locator {
  const registers = new Map<number, Register>();
  return (sessionId, sequence) => {
    let best: Place | undefined;
    for (let segment = all.length - 1; segment >= 0; segment--) {
      const columns = all[segment];
      if (!columns) continue;
      const register = registers.get(segment) ?? registerOf(columns);
      registers.set(segment, register);
      const owner = register.owners.get(sessionId);
      if (owner === undefined) continue;
      const end = register.starts[owner + 1] ?? 0;
      for (let at = register.starts[owner] ?? 0; at < end; at++) {
        const document = register.documents[at] ?? 0;
        if (columns.sequences[document] !== sequence || dead[segment]?.[document] === 1) continue;
        if (((columns.kinds[document] ?? 0) & 1) === 0) return { segment, document };
        best ??= { segment, document };
      }
    }
    return best;
  };
}
