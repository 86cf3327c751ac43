import type { BuiltSegment } from "./builder.ts";
import { type Columns, encodeColumns } from "./columns.ts";
import type { DocumentSession } from "./document.ts";
import { createSource, getNumber } from "./bytes.ts";
import { type Entry, readBlock, type SegmentInfo } from "./directory.ts";
import { createSegmentWriter, lengthNorms } from "./layout.ts";
import { loadBlock, openPostings } from "./postings.ts";

/** A segment in memory, all of it. */
export interface MergePart {
  readonly info: SegmentInfo;
  readonly bytes: Uint8Array;
  readonly columns: Columns;
  readonly dead: Uint8Array | undefined;
}

/** The entries of a segment one after the other. */
function* entriesOf({ info, bytes }: MergePart): Generator<Entry> {
  for (let block = 0; block < info.blockFirsts.length; block++) {
    const entries: Entry[] = [];
    readBlock(info, bytes.subarray(info.blockStarts[block], info.blockStarts[block + 1]), (entry) => {
      entries.push(entry);
      return true;
    });
    yield* entries;
  }
}

interface MergedColumns {
  readonly columns: Columns;
  /** For each part, the new number of each of its documents; -1 where it is left out. */
  readonly numbers: readonly Int32Array[];
}

function mergeColumns(parts: readonly MergePart[]): MergedColumns {
  const sessions: DocumentSession[] = [];
  const owners = new Map<string, number>();
  const roles: string[] = [];
  const kept = parts.map(
    ({ columns, dead }) => columns.count - (dead?.reduce((sum, mark) => sum + mark, 0) ?? 0),
  );
  const count = kept.reduce((sum, size) => sum + size, 0);
  const merged = {
    count,
    lengths: new Uint8Array(count),
    keys: new Float64Array(count),
    times: new Float64Array(count),
    sequences: new Uint32Array(count),
    kinds: new Uint8Array(count),
    owners: new Uint32Array(count),
    sessions,
    roles,
  };
  let at = 0;
  const numbers = parts.map(({ columns, dead }) => {
    // What a newer segment knows of a session is newer.
    const ownerOf = columns.sessions.map((session) => {
      const known = owners.get(session.id);
      if (known === undefined) owners.set(session.id, sessions.push(session) - 1);
      else sessions[known] = session;
      return owners.get(session.id) ?? 0;
    });
    const roleOf = columns.roles.map((role) => {
      const known = roles.indexOf(role);
      return Math.min(127, known >= 0 ? known : roles.push(role) - 1);
    });
    return Int32Array.from({ length: columns.count }, (_, i) => {
      if (dead?.[i] === 1) return -1;
      merged.lengths[at] = columns.lengths[i] ?? 0;
      merged.keys[at] = columns.keys[i] ?? 0;
      merged.times[at] = columns.times[i] ?? 0;
      merged.sequences[at] = columns.sequences[i] ?? 0;
      const kind = columns.kinds[i] ?? 0;
      merged.kinds[at] = (roleOf[kind >> 1] ?? 0) * 2 + (kind & 1);
      merged.owners[at] = ownerOf[columns.owners[i] ?? 0] ?? 0;
      return at++;
    });
  });
  return { columns: merged, numbers };
}

interface Numbered {
  readonly numbers: Int32Array;
}

interface Gathered {
  documents: Uint32Array;
  frequencies: Uint32Array;
  positions: Uint32Array;
  count: number;
  positionCount: number;
}

function gather(into: Gathered, entry: Entry, { info, bytes, numbers }: MergePart & Numbered): void {
  const postings = openPostings(
    entry,
    entry.inline ?? bytes.subarray(entry.postings.from, entry.postings.to),
    info.documents,
  );
  const hasPositions = entry.positions.to > entry.positions.from;
  const source = createSource(bytes, entry.positions.from);
  for (let block = 0; block < postings.blocks; block++) {
    loadBlock(postings, block);
    for (let i = 0; i < postings.size; i++) {
      const frequency = postings.frequencies[i] ?? 0;
      const number = numbers[postings.documents[i] ?? 0] ?? -1;
      let position = 0;
      if (hasPositions && into.positionCount + frequency > into.positions.length) {
        const larger = new Uint32Array(Math.max(into.positions.length * 2, into.positionCount + frequency));
        larger.set(into.positions);
        into.positions = larger;
      }
      for (let left = hasPositions ? frequency : 0; left > 0; left--) {
        position += getNumber(source);
        if (number >= 0) into.positions[into.positionCount++] = position;
      }
      if (number < 0) continue;
      into.documents[into.count] = number;
      into.frequencies[into.count++] = frequency;
    }
  }
}

/** One segment of several, the oldest first, without the documents that a newer one has. */
export function mergeSegments(parts: readonly MergePart[]): BuiltSegment {
  const { columns, numbers } = mergeColumns(parts);
  let tokens = 0;
  for (const { info, columns: old } of parts) {
    const share = old.count === 0 ? 0 : info.tokens / old.count;
    const kept = (numbers[parts.findIndex((part) => part.info === info)] ?? []).filter(
      (number) => number >= 0,
    ).length;
    tokens += Math.round(share * kept);
  }
  const norms = lengthNorms(tokens / Math.max(1, columns.count));
  const writer = createSegmentWriter(encodeColumns(columns), { codes: columns.lengths, norms });
  const gathered: Gathered = {
    documents: new Uint32Array(columns.count),
    frequencies: new Uint32Array(columns.count),
    positions: new Uint32Array(1 << 12),
    count: 0,
    positionCount: 0,
  };
  const streams = parts.map(entriesOf);
  const heads = streams.map((stream) => stream.next());
  for (;;) {
    let text: string | undefined;
    for (const head of heads)
      if (!head.done && (text === undefined || head.value.text < text)) text = head.value.text;
    if (text === undefined) break;
    gathered.count = 0;
    gathered.positionCount = 0;
    parts.forEach((part, i) => {
      const head = heads[i];
      const stream = streams[i];
      if (!head || head.done || !stream || head.value.text !== text) return;
      gather(gathered, head.value, { ...part, numbers: numbers[i] ?? new Int32Array(0) });
      heads[i] = stream.next();
    });
    const { count, documents, frequencies, positions } = gathered;
    if (count > 0) writer.term({ text, count, documents, frequencies, positions, firstPosition: 0 });
  }
  return { documents: columns.count, tokens, ...writer.finish(columns.count, tokens) };
}
