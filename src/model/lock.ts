import { type Collection, id, integer, type Millis, optional, time } from "./collection.ts";

/** A named lease: one owner at a time. The row stays when it is free, so that its fence only grows. */
export interface Lock {
  readonly name: string;
  readonly owner: string | null;
  /** Grows with each owner: a store that keeps the highest one it saw can refuse an owner of before. */
  readonly fence: number;
  readonly acquiredAt: Millis;
  readonly expiresAt: Millis;
}

export const locks: Collection<Lock> = {
  name: "locks",
  key: "name",
  fields: { name: id, owner: optional(id), fence: integer, acquiredAt: time, expiresAt: time },
  unique: [],
  indexes: [["expiresAt"]],
};
