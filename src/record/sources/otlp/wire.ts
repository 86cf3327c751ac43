/**
 * Reads protobuf's wire format by a table of fields, into the objects that OTLP's JSON has: names in camelCase, numbers
 * of 64 bits as text where JavaScript has none so large, ids in hex. Fields that the table does not name are skipped,
 * as protobuf wants it. Twelve messages do not ask for a library.
 */
export type FieldKind = "text" | "hex" | "base64" | "integer" | "boolean" | "fixed32" | "fixed64" | "double";

export interface Field {
  readonly name: string;
  /** A function, since messages hold themselves. */
  readonly kind: FieldKind | (() => Message);
  readonly many?: true;
}

export type Message = Readonly<Record<number, Field>>;

/** Deeper messages than this are nobody's telemetry. */
const deepest = 100;

/** The bytes are no message of this kind. */
export class Unreadable extends Error {}

export function readMessage(bytes: Uint8Array, message: Message): Record<string, unknown> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return readFields({ view, at: 0, end: bytes.byteLength }, message, 0);
}

interface Reader {
  readonly view: DataView;
  at: number;
  readonly end: number;
}

function readFields(reader: Reader, message: Message, depth: number): Record<string, unknown> {
  if (depth > deepest) throw new Unreadable(`Messages stand more than ${deepest} deep in each other.`);
  const out: Record<string, unknown> = {};
  while (reader.at < reader.end) {
    const tag = Number(readVarint(reader));
    const field = message[Math.floor(tag / 8)];
    const wire = tag % 8;
    if (field === undefined) {
      skip(reader, wire);
      continue;
    }
    const value = readValue(reader, { field, wire, depth });
    if (field.many === undefined) out[field.name] = value;
    else {
      const list = out[field.name];
      if (Array.isArray(list)) list.push(value);
      else out[field.name] = [value];
    }
  }
  return out;
}

function readValue(
  reader: Reader,
  { field, wire, depth }: { readonly field: Field; readonly wire: number; readonly depth: number },
): unknown {
  const { kind, name } = field;
  if (wire === 0 && kind === "integer") return safe(BigInt.asIntN(64, readVarint(reader)));
  if (wire === 0 && kind === "boolean") return readVarint(reader) !== 0n;
  if (wire === 1 && kind === "fixed64") return String(take(reader, 8).getBigUint64(0, true));
  if (wire === 1 && kind === "integer") return safe(take(reader, 8).getBigInt64(0, true));
  if (wire === 1 && kind === "double") return take(reader, 8).getFloat64(0, true);
  if (wire === 5 && kind === "fixed32") return take(reader, 4).getUint32(0, true);
  if (wire !== 2) throw new Unreadable(`The field ${name} has the wire type ${wire}.`);
  const part = take(reader, Number(readVarint(reader)));
  if (typeof kind === "function")
    return readFields({ view: part, at: 0, end: part.byteLength }, kind(), depth + 1);
  const bytes = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
  if (kind === "text") return bytes.toString("utf8");
  if (kind === "hex" || kind === "base64") return bytes.toString(kind);
  throw new Unreadable(`The field ${name} is not a number.`);
}

/** Where JavaScript has no such number, its digits: as OTLP's JSON has all of 64 bits. */
function safe(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

function readVarint(reader: Reader): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = take(reader, 1).getUint8(0);
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw new Unreadable("A number is longer than ten bytes.");
}

function take(reader: Reader, length: number): DataView {
  const { view, at, end } = reader;
  if (!(length <= end - at)) throw new Unreadable("It ends in the middle of a field.");
  reader.at += length;
  return new DataView(view.buffer, view.byteOffset + at, length);
}

function skip(reader: Reader, wire: number): void {
  if (wire === 0) readVarint(reader);
  else if (wire === 1) take(reader, 8);
  else if (wire === 2) take(reader, Number(readVarint(reader)));
  else if (wire === 5) take(reader, 4);
  else throw new Unreadable(`There is no wire type ${wire}.`);
}
