import { type Columns, encodeColumns, keyOf } from "./columns.ts";
import type { DocumentSession, SearchDocument } from "./document.ts";
import { createSegmentWriter, filterMark, lengthCode, lengthNorms } from "./layout.ts";
import { grownWords } from "./surfaces.ts";
import { createTokenizer } from "./tokenizer.ts";

/** A piece of the index that is not stored yet. All its bytes can be handed to another thread. */
export interface BuiltSegment {
  readonly documents: number;
  readonly tokens: number;
  readonly directory: Uint8Array;
  readonly pages: readonly Uint8Array[];
}

export interface SegmentBuilder {
  add(document: SearchDocument): void;
  /** Documents and tokens since the last {@link build}. */
  readonly documents: () => number;
  readonly tokens: () => number;
  /** The segment of what was added; the builder is empty afterwards and keeps what it learned about words. */
  build(): BuiltSegment;
}

/** A good size: build when a builder holds so many tokens. Some 100 MB of memory while it is built. */
export const segmentTokens = 4_000_000;

/** Between a tool's name, input and output, so that no phrase spans them. */
const textGap = 16;
/** The builder forgets its words when it has met so many. */
const maxSurfaces = 1_500_000;
const maxPosition = 0xfffffff;

/** The filters that a document is found by. */
export function filterTerms(document: SearchDocument): string[] {
  const filters = [`${filterMark}role:${document.role.toLowerCase()}`, `${filterMark}kind:${document.kind}`];
  if (document.toolName !== null) filters.push(`${filterMark}tool:${document.toolName.toLowerCase()}`);
  if (document.isError) filters.push(`${filterMark}error`);
  return filters;
}

interface Vocabulary {
  readonly ids: Map<string, number>;
  readonly terms: string[];
  readonly termOf: (term: string) => number;
}

function createVocabulary(): Vocabulary {
  const ids = new Map<string, number>();
  const terms: string[] = [];
  const termOf = (term: string): number => {
    const known = ids.get(term);
    if (known !== undefined) return known;
    ids.set(term, terms.length);
    return terms.push(term) - 1;
  };
  return { ids, terms, termOf };
}

/** Every occurrence of every term, in the order of the documents. */
interface Log {
  terms: Uint32Array<ArrayBuffer>;
  positions: Uint32Array<ArrayBuffer>;
  length: number;
  /** Where each document's occurrences end. */
  readonly ends: number[];
}

function note(log: Log, term: number, position: number): void {
  if (log.length === log.terms.length) {
    log.terms = grownWords(log.terms, log.length * 2);
    log.positions = grownWords(log.positions, log.length * 2);
  }
  log.terms[log.length] = term;
  log.positions[log.length++] = position;
}

interface Rows {
  readonly sessions: Map<string, number>;
  readonly sessionList: DocumentSession[];
  readonly roles: Map<string, number>;
  readonly lengths: number[];
  readonly keys: number[];
  readonly times: number[];
  readonly sequences: number[];
  readonly kinds: number[];
  readonly owners: number[];
}

function createRows(): Rows {
  return {
    sessions: new Map(),
    sessionList: [],
    roles: new Map(),
    lengths: [],
    keys: [],
    times: [],
    sequences: [],
    kinds: [],
    owners: [],
  };
}

function addRow(rows: Rows, document: SearchDocument, length: number): void {
  let owner = rows.sessions.get(document.session.id);
  if (owner === undefined) {
    owner = rows.sessionList.push(document.session) - 1;
    rows.sessions.set(document.session.id, owner);
  }
  let role = rows.roles.get(document.role);
  if (role === undefined) {
    role = Math.min(127, rows.roles.size); // a 128th role in one segment is shown as the 128th
    rows.roles.set(document.role, role);
  }
  rows.lengths.push(lengthCode(length));
  rows.keys.push(keyOf(document.id));
  rows.times.push(Math.floor(document.time));
  rows.sequences.push(document.sequence);
  rows.kinds.push(role * 2 + (document.kind === "tool" ? 1 : 0));
  rows.owners.push(owner);
}

function columnsOf(rows: Rows): Columns {
  return {
    count: rows.keys.length,
    lengths: Uint8Array.from(rows.lengths),
    keys: Float64Array.from(rows.keys),
    times: Float64Array.from(rows.times),
    sequences: Uint32Array.from(rows.sequences),
    kinds: Uint8Array.from(rows.kinds),
    owners: Uint32Array.from(rows.owners),
    sessions: rows.sessionList,
    roles: [...rows.roles.keys()],
  };
}

/** The log by term: a counting sort, which keeps the order of documents and positions within each. */
function sortLog(
  log: Log,
  termCount: number,
): { starts: Uint32Array; documents: Uint32Array; positions: Uint32Array } {
  const starts = new Uint32Array(termCount + 1);
  for (let i = 0; i < log.length; i++) {
    const slot = (log.terms[i] ?? 0) + 1;
    starts[slot] = (starts[slot] ?? 0) + 1;
  }
  for (let term = 0; term < termCount; term++)
    starts[term + 1] = (starts[term + 1] ?? 0) + (starts[term] ?? 0);
  const next = starts.slice();
  const documents = new Uint32Array(log.length);
  const positions = new Uint32Array(log.length);
  let at = 0;
  log.ends.forEach((end, document) => {
    for (; at < end; at++) {
      const term = log.terms[at] ?? 0;
      const to = next[term] ?? 0;
      next[term] = to + 1;
      documents[to] = document;
      positions[to] = log.positions[at] ?? 0;
    }
  });
  return { starts, documents, positions };
}

function writeTerms(
  log: Log,
  rows: Rows,
  { terms, tokens }: { readonly terms: readonly string[]; readonly tokens: number },
): BuiltSegment {
  const columns = columnsOf(rows);
  const norms = lengthNorms(tokens / Math.max(1, columns.count));
  const writer = createSegmentWriter(encodeColumns(columns), { codes: columns.lengths, norms });
  const sorted = sortLog(log, terms.length);
  const documents = new Uint32Array(columns.count);
  const frequencies = new Uint32Array(columns.count);
  const used: number[] = [];
  for (let term = 0; term < terms.length; term++) {
    if ((sorted.starts[term] ?? 0) < (sorted.starts[term + 1] ?? 0)) used.push(term);
  }
  for (const term of inTermOrder(used, terms)) {
    let count = 0;
    const firstPosition = sorted.starts[term] ?? 0;
    const end = sorted.starts[term + 1] ?? 0;
    for (let i = firstPosition; i < end; ) {
      const document = sorted.documents[i] ?? 0;
      const from = i;
      while (i < end && sorted.documents[i] === document) i++;
      documents[count] = document;
      frequencies[count++] = i - from;
    }
    const text = terms[term] ?? "";
    writer.term({ text, count, documents, frequencies, positions: sorted.positions, firstPosition });
  }
  return { documents: columns.count, tokens, ...writer.finish(columns.count, tokens) };
}

/** Sorted by their text: first by four characters packed into a number, which is most of the work and is cheap. */
function inTermOrder(used: readonly number[], terms: readonly string[]): number[] {
  const packed = new Float64Array(terms.length);
  for (const term of used) {
    const text = terms[term] ?? "";
    let value = 0;
    for (let i = 0; i < 3; i++) value = value * 0x10001 + (i < text.length ? text.charCodeAt(i) + 1 : 0);
    packed[term] = value;
  }
  return [...used].sort((a, b) => {
    const difference = (packed[a] ?? 0) - (packed[b] ?? 0);
    if (difference !== 0) return difference;
    return (terms[a] ?? "") < (terms[b] ?? "") ? -1 : 1;
  });
}

/** Makes segments in memory alone: also in a worker thread that has no store. */
export function createSegmentBuilder(): SegmentBuilder {
  let vocabulary = createVocabulary();
  let tokenizer = createTokenizer(vocabulary.termOf);
  let log: Log = {
    terms: new Uint32Array(1 << 16),
    positions: new Uint32Array(1 << 16),
    length: 0,
    ends: [],
  };
  let rows = createRows();
  let tokens = 0;

  function putText(text: string, first: number): number {
    tokenizer.tokenize(text);
    const { refs, count } = tokenizer.found;
    const { analyses } = tokenizer.arena;
    let position = first;
    for (let i = 0; i < count; i++) {
      let at = refs[i] ?? 0;
      const end = at + 2 + 2 * (analyses[at] ?? 0);
      const span = analyses[at + 1] ?? 0;
      for (at += 2; at < end; at += 2) note(log, analyses[at] ?? 0, position + (analyses[at + 1] ?? 0));
      position += span;
    }
    return position;
  }

  return {
    documents: () => rows.keys.length,
    tokens: () => tokens,
    add(document) {
      let position = 0;
      let length = 0;
      for (const text of document.texts) {
        const end = putText(text, position);
        length += end - position;
        position = Math.min(maxPosition, end + textGap);
      }
      for (const filter of filterTerms(document)) note(log, vocabulary.termOf(filter), 0);
      log.ends.push(log.length);
      addRow(rows, document, length);
      tokens += length;
    },
    build() {
      const built = writeTerms(log, rows, { terms: vocabulary.terms, tokens });
      log = { terms: log.terms, positions: log.positions, length: 0, ends: [] };
      rows = createRows();
      tokens = 0;
      if (tokenizer.size() > maxSurfaces) {
        vocabulary = createVocabulary();
        tokenizer = createTokenizer(vocabulary.termOf);
      }
      return built;
    },
  };
}
