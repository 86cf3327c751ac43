import {
  createSink,
  createSource,
  getInteger,
  getNumber,
  getText,
  putBytes,
  putInteger,
  putNumber,
  putText,
  takeBytes,
} from "./bytes.ts";
import type { DocumentSession } from "./document.ts";

/** What is known of each document of a segment, by its number there. */
export interface Columns {
  readonly count: number;
  readonly lengths: Uint8Array;
  /** The hash of the row's id, 48 bits: tells documents apart, and breaks ties the same way everywhere. */
  readonly keys: Float64Array;
  readonly times: Float64Array;
  readonly sequences: Uint32Array;
  /** Twice the index into `roles`, and one more for a tool execution. */
  readonly kinds: Uint8Array;
  /** Index into `sessions`. */
  readonly owners: Uint32Array;
  readonly sessions: readonly DocumentSession[];
  readonly roles: readonly string[];
}

/** 48 bits of the id: two rounds of FNV-1a with different beginnings. */
export function keyOf(id: string): number {
  let high = 0x811c9dc5;
  let low = 0x1234567;
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ (code + 0x9e), 0x85ebca6b);
    low ^= low >>> 13;
  }
  high ^= high >>> 16;
  low ^= low >>> 16;
  return (high >>> 0) * 0x10000 + ((low >>> 0) & 0xffff);
}

export function encodeColumns(columns: Columns): Uint8Array {
  const sink = createSink(1 << 12);
  putNumber(sink, columns.roles.length);
  for (const role of columns.roles) putText(sink, role);
  putNumber(sink, columns.sessions.length);
  for (const session of columns.sessions) {
    putText(sink, session.id);
    putText(sink, session.agentType);
    // Null is told from an empty text by its first character.
    putText(sink, session.projectPath === null ? "" : `=${session.projectPath}`);
    putText(sink, session.agentId === null ? "" : `=${session.agentId}`);
  }
  putBytes(sink, columns.lengths);
  putBytes(sink, columns.kinds);
  for (const key of columns.keys) {
    putBytes(
      sink,
      Uint8Array.of(key / 2 ** 40, key / 2 ** 32, key / 2 ** 24, key / 2 ** 16, key / 2 ** 8, key),
    );
  }
  let time = 0;
  let sequence = 0;
  let owner = 0;
  for (let i = 0; i < columns.count; i++) {
    putInteger(sink, (columns.times[i] ?? 0) - time);
    putInteger(sink, (columns.sequences[i] ?? 0) - sequence);
    putInteger(sink, (columns.owners[i] ?? 0) - owner);
    time = columns.times[i] ?? 0;
    sequence = columns.sequences[i] ?? 0;
    owner = columns.owners[i] ?? 0;
  }
  return takeBytes(sink);
}

export function decodeColumns(bytes: Uint8Array, count: number): Columns {
  const source = createSource(bytes);
  const roles = Array.from({ length: checked(getNumber(source), bytes) }, () => getText(source));
  const sessions: DocumentSession[] = [];
  for (let left = checked(getNumber(source), bytes); left > 0; left--) {
    const id = getText(source);
    const agentType = getText(source);
    const project = getText(source);
    const agent = getText(source);
    sessions.push({
      id,
      agentType,
      projectPath: project === "" ? null : project.slice(1),
      agentId: agent === "" ? null : agent.slice(1),
    });
  }
  const lengths = bytes.slice(source.at, source.at + count);
  const kinds = bytes.slice(source.at + count, source.at + 2 * count);
  source.at += 2 * count;
  const keys = new Float64Array(count);
  for (let i = 0, at = source.at; i < count; i++, at += 6) {
    const high = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const low = ((bytes[at + 3] ?? 0) << 16) | ((bytes[at + 4] ?? 0) << 8) | (bytes[at + 5] ?? 0);
    keys[i] = high * 0x1000000 + low;
  }
  source.at += 6 * count;
  const times = new Float64Array(count);
  const sequences = new Uint32Array(count);
  const owners = new Uint32Array(count);
  let time = 0;
  let sequence = 0;
  let owner = 0;
  for (let i = 0; i < count; i++) {
    times[i] = time += getInteger(source);
    sequences[i] = sequence += getInteger(source);
    owners[i] = owner += getInteger(source);
  }
  if (source.at > bytes.length) throw new RangeError("a segment's columns are shorter than its documents");
  return { count, lengths, kinds, keys, times, sequences, owners, sessions, roles };
}

/** A number read as a count cannot be more than the bytes behind it. */
function checked(count: number, bytes: Uint8Array): number {
  if (count > bytes.length) throw new RangeError("a segment's columns are damaged");
  return count;
}
