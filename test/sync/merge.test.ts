import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalRow, digestOf } from "../../dist/sync/link/canonical.js";
import { lives, merge, sameStamp, type State } from "../../dist/sync/link/merge.js";
import { type SyncTable, syncTables, tableOf } from "../../dist/sync/tables.js";

const stores = ["aaaa", "bbbb", "cccc"];
const whole = tableOf("checkpoints");
if (whole === undefined) throw new Error("checkpoints are not synced");
const table: SyncTable = { ...whole, fields: ["type", "data", "projectId"] };

const clock = fc
  .tuple(fc.integer({ min: 0, max: 12 }), fc.constantFrom(...stores))
  .map(([ms, store]) => `${String(ms).padStart(15, "0")}-${store}`);

/** One value to one clock and field, as in life: who gives out a clock gives it to one value. */
const valueAt = (field: string, at: string): string => `${field}@${at}`;

const living = fc
  .record({
    born: clock,
    later: fc.array(fc.tuple(fc.constantFrom(...table.fields), clock)),
    before: fc.option(clock),
  })
  .map(({ born, later, before }): State => {
    const clocks: Record<string, string> = {};
    for (const [field, at] of later) {
      if (at > born && at > (clocks[field] ?? "")) clocks[field] = at;
    }
    const all = [born, ...Object.values(clocks)].sort();
    const removed = before !== null && before < born ? before : null;
    return {
      version: {
        born,
        clock: all.at(-1) ?? born,
        clocks: Object.keys(clocks).length > 0 ? clocks : null,
        removed,
      },
      row: Object.fromEntries(table.fields.map((field) => [field, valueAt(field, clocks[field] ?? born)])),
    };
  });
const dead = fc.tuple(clock, clock).map(([born, other]): State => {
  const removed = other >= born ? other : born;
  return { version: { born, clock: removed, clocks: null, removed }, row: null };
});
const state = fc.oneof({ weight: 3, arbitrary: living }, { weight: 1, arbitrary: dead });

const join = (mine: State, theirs: State): State => merge(table, { mine, theirs }).state;
const shown = ({ version, row }: State): string =>
  JSON.stringify([
    version.born,
    version.clock,
    version.removed,
    Object.keys(version.clocks ?? {})
      .sort()
      .map((field) => [field, version.clocks?.[field]]),
    row && canonicalRow(table, row),
  ]);

describe("the merge of two rows", () => {
  test("is the same whoever does it", () => {
    fc.assert(
      fc.property(state, state, (a, b) => {
        expect(shown(join(a, b))).toBe(shown(join(b, a)));
      }),
      { numRuns: 2_000 },
    );
  });

  test("changes nothing the second time", () => {
    fc.assert(
      fc.property(state, state, (a, b) => {
        const once = join(a, b);
        expect(shown(join(once, b))).toBe(shown(once));
        expect(shown(join(a, a))).toBe(shown(a));
        const { isMine, theirs } = merge(table, { mine: once, theirs: b });
        expect([isMine, theirs]).toEqual([true, []]);
      }),
      { numRuns: 2_000 },
    );
  });

  test("is the same in whatever order, while nothing is removed", () => {
    fc.assert(
      fc.property(living, living, living, (a, b, c) => {
        expect(shown(join(join(a, b), c))).toBe(shown(join(a, join(b, c))));
      }),
      { numRuns: 2_000 },
    );
  });

  test("ends the same for all who go on exchanging, whatever was removed and made again", () => {
    fc.assert(
      fc.property(
        fc.array(state, { minLength: 2, maxLength: 5 }),
        fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { maxLength: 12 }),
        (states, meetings) => {
          const held = [...states];
          const meet = (i: number, j: number): void => {
            const [a, b] = [held[i % held.length], held[j % held.length]];
            if (a === undefined || b === undefined) return;
            const both = join(a, b);
            held[i % held.length] = both;
            held[j % held.length] = both;
          };
          for (const [i, j] of meetings) meet(i, j);
          for (let round = 0; round < 4; round++) {
            for (let i = 0; i < held.length; i++) for (let j = 0; j < held.length; j++) meet(i, j);
          }
          expect(new Set(held.map(shown)).size).toBe(1);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("lets no update bring a row back, and lets a later insert", () => {
    fc.assert(
      fc.property(state, dead, (a, b) => {
        const both = join(a, b);
        const [{ version: one }, { version: other }] = [a, b];
        const removed =
          [one.removed, other.removed]
            .filter((at) => at !== null)
            .sort()
            .at(-1) ?? "";
        const born = [one.born, other.born].sort().at(-1) ?? "";
        expect(lives(both.version)).toBe(born > removed);
        expect(both.row === null).toBe(!lives(both.version));
      }),
      { numRuns: 2_000 },
    );
  });

  test("tells when one side has nothing to do", () => {
    fc.assert(
      fc.property(state, state, (a, b) => {
        const merged = merge(table, { mine: a, theirs: b });
        expect(merged.isMine).toBe(shown(merged.state) === shown(a));
        expect(merged.isTheirs).toBe(shown(merged.state) === shown(b));
      }),
      { numRuns: 2_000 },
    );
  });

  test("names each field in which a value gave way to a later one", () => {
    const at = (ms: number, store: string): string => `${String(ms).padStart(15, "0")}-${store}`;
    const born = at(1, "aaaa");
    const of = (type: string, changed: string): State => ({
      version: { born, clock: changed, clocks: { type: changed }, removed: null },
      row: { type, data: 1, projectId: null },
    });
    const { clashes, state: both } = merge(table, {
      mine: of("x", at(5, "aaaa")),
      theirs: of("y", at(6, "bbbb")),
    });
    expect(both.row).toEqual({ type: "y", data: 1, projectId: null });
    expect(clashes).toEqual([
      { field: "type", kept: at(6, "bbbb"), lost: at(5, "aaaa"), lostValue: "x", winner: "theirs" },
    ]);
  });

  test("compares clocks by field, whatever their order", () => {
    const stamp = { born: "1", clock: "3", removed: null };
    expect(
      sameStamp({ ...stamp, clocks: { a: "2", b: "3" } }, { ...stamp, clocks: { b: "3", a: "2" } }),
    ).toBe(true);
    expect(sameStamp({ ...stamp, clocks: { a: "2" } }, { ...stamp, clocks: null })).toBe(false);
  });
});

describe("the digest of a row", () => {
  test("does not ask in which order a database keeps the names of an object", () => {
    const row = (data: unknown): object => ({ type: "a", data, projectId: null });
    expect(digestOf(table, row({ b: 1, a: { d: [1, { z: 1, y: 2 }], c: 2 } }) as never)).toBe(
      digestOf(table, row({ a: { c: 2, d: [1, { y: 2, z: 1 }] }, b: 1 }) as never),
    );
  });

  test("sees each synced field of each collection", () => {
    let seen = 0;
    for (const one of syncTables) {
      const row = Object.fromEntries(one.fields.map((name) => [name, null]));
      for (const name of one.fields) {
        const kind = one.collection.fields[name]?.kind;
        const value =
          kind === "bytes" ? new Uint8Array([7]) : kind === "boolean" ? true : kind === "integer" ? 7 : "7";
        expect(digestOf(one, { ...row, [name]: value })).not.toBe(digestOf(one, row));
        seen++;
      }
    }
    expect(seen).toBeGreaterThan(80);
  });

  test("tells null from the text null, and a number from its digits", () => {
    const of = (type: unknown): string | null => digestOf(table, { type, data: null, projectId: null });
    expect(new Set([of(null), of("null"), of(7), of("7"), of("")]).size).toBe(5);
  });
});
