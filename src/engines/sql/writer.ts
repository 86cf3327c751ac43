import type { Stored } from "../../engine/stored.ts";
import type { FieldKind } from "../../model/collection.ts";
import type { Param } from "./client.ts";
import type { Dialect } from "./dialect.ts";

/** Collects bound values in the order in which their places stand in the text: `?` has no numbers. */
export interface Writer {
  readonly params: Param[];
  /** The place of a value. */
  bind(kind: FieldKind, stored: Stored): string;
  place(param: Param): string;
}

export function createWriter(dialect: Pick<Dialect, "encode" | "placeholder">): Writer {
  const params: Param[] = [];
  const place = (param: Param): string => {
    params.push(param);
    return dialect.placeholder(params.length);
  };
  return { params, place, bind: (kind, stored) => place(dialect.encode(kind, stored)) };
}

/** Names come from our own collections; quoted because some are words of SQL (`offset`, `first`). */
export function quoted(name: string): string {
  return name.includes('"') ? `"${name.replaceAll('"', '""')}"` : `"${name}"`;
}
