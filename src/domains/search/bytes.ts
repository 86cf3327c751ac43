/** A growing run of bytes. Plain fields: the encoders write millions of numbers into it. */
export interface ByteSink {
  bytes: Uint8Array;
  length: number;
}

export function createSink(capacity: number = 1 << 12): ByteSink {
  return { bytes: new Uint8Array(capacity), length: 0 };
}

function grow(sink: ByteSink, needed: number): void {
  const bytes = new Uint8Array(Math.max(sink.bytes.length * 2, sink.length + needed));
  bytes.set(sink.bytes.subarray(0, sink.length));
  sink.bytes = bytes;
}

export function putByte(sink: ByteSink, value: number): void {
  if (sink.length === sink.bytes.length) grow(sink, 1);
  sink.bytes[sink.length++] = value;
}

/** An unsigned number of at most 32 bits, seven bits a byte, low bits first. */
export function putNumber(sink: ByteSink, value: number): void {
  if (sink.length + 5 > sink.bytes.length) grow(sink, 5);
  let rest = value >>> 0;
  while (rest > 127) {
    sink.bytes[sink.length++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  sink.bytes[sink.length++] = rest;
}

/** Any safe integer, also a negative one. */
export function putInteger(sink: ByteSink, value: number): void {
  const magnitude = Math.abs(value);
  const low = magnitude % 0x8000000;
  const high = (magnitude - low) / 0x8000000;
  putNumber(sink, low * 4 + (high > 0 ? 2 : 0) + (value < 0 ? 1 : 0));
  if (high > 0) putNumber(sink, high);
}

export function putBytes(sink: ByteSink, bytes: Uint8Array): void {
  if (sink.length + bytes.length > sink.bytes.length) grow(sink, bytes.length);
  sink.bytes.set(bytes, sink.length);
  sink.length += bytes.length;
}

/** A string as its code units: one byte each where they are ASCII, and lossless for anything. */
export function putText(sink: ByteSink, text: string, from: number = 0): void {
  putNumber(sink, text.length - from);
  for (let i = from; i < text.length; i++) putNumber(sink, text.charCodeAt(i));
}

/** The bytes written so far, in a buffer of their own. */
export function takeBytes(sink: ByteSink): Uint8Array {
  return sink.bytes.slice(0, sink.length);
}

export interface ByteSource {
  readonly bytes: Uint8Array;
  at: number;
}

export function createSource(bytes: Uint8Array, at: number = 0): ByteSource {
  return { bytes, at };
}

export function getByte(source: ByteSource): number {
  return source.bytes[source.at++] ?? 0;
}

export function getNumber(source: ByteSource): number {
  const { bytes } = source;
  let byte = bytes[source.at++] ?? 0;
  if (byte < 128) return byte;
  let value = byte & 127;
  let shift = 7;
  do {
    byte = bytes[source.at++] ?? 0;
    value |= (byte & 127) << shift;
    shift += 7;
  } while (byte > 127);
  return value >>> 0;
}

export function getInteger(source: ByteSource): number {
  const head = getNumber(source);
  const low = Math.floor(head / 4);
  const magnitude = head & 2 ? getNumber(source) * 0x8000000 + low : low;
  return head & 1 ? -magnitude : magnitude;
}

export function getText(source: ByteSource): string {
  const length = getNumber(source);
  if (length > source.bytes.length - source.at) throw new RangeError("a text is longer than its block");
  let text = "";
  for (let i = 0; i < length; i++) text += String.fromCharCode(getNumber(source));
  return text;
}
