import { requests } from "../../dist/record/sources/otlp/messages.js";
import type { Field, Message } from "../../dist/record/sources/otlp/wire.js";
import type { Sent } from "./world.ts";

/** A request in protobuf. That the numbers of the fields are OTLP's is shown with a real exporter in test/agents. */
export function encoded({ kind, body }: Sent): Buffer {
  return message(body, requests[kind]);
}

export function message(value: Readonly<Record<string, unknown>>, fields: Message): Buffer {
  const parts: Buffer[] = [];
  for (const [number, field] of Object.entries(fields)) {
    const given = value[field.name];
    for (const one of field.many === true
      ? ((given ?? []) as unknown[])
      : given === undefined || given === null
        ? []
        : [given])
      parts.push(encodedField(Number(number), field, one));
  }
  return Buffer.concat(parts);
}

function encodedField(number: number, { kind }: Field, value: unknown): Buffer {
  if (typeof kind === "function") return delimited(number, message(value as Record<string, unknown>, kind()));
  if (kind === "text") return delimited(number, Buffer.from(String(value)));
  if (kind === "hex" || kind === "base64") return delimited(number, Buffer.from(String(value), kind));
  if (kind === "boolean") return Buffer.concat([varint(number * 8), varint(value === true ? 1 : 0)]);
  if (kind === "integer")
    return Buffer.concat([varint(number * 8), varint(BigInt(value as string | number))]);
  const bytes = Buffer.alloc(kind === "fixed32" ? 4 : 8);
  if (kind === "double") bytes.writeDoubleLE(Number(value));
  else if (kind === "fixed64") bytes.writeBigUInt64LE(BigInt(value as string | number));
  else bytes.writeUInt32LE(Number(value));
  return Buffer.concat([varint(number * 8 + (kind === "fixed32" ? 5 : 1)), bytes]);
}

function delimited(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

export function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, BigInt(value));
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  return Buffer.from([...bytes, Number(left)]);
}
