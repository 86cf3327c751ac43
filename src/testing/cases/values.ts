import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { insert } from "../../engine/engine.ts";
import type { Cases } from "../opened.ts";
import { type Thing, thing, things } from "../things.ts";

const texts: Readonly<Record<string, string>> = {
  empty: "",
  NUL: "a\u0000b",
  "only NUL": "\u0000",
  "a lone high surrogate": "x\ud800",
  "a lone low surrogate": "\udc00y",
  "surrogates in the wrong order": "\udc00\ud800",
  emoji: "😀👩‍👩‍👧",
  "our own escape": "\u001a0000\u001a",
  "quotes and places": `'"\`?$1 :a --/* */ \\ %_`,
  "all controls": Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join(""),
  "words of arrays": 'NULL {} {"a"} \\x00',
  "not normalized": "e\u0301 é",
  "no characters": "\ufffe\uffff\u{10ffff}",
};

const jsons: readonly unknown[] = [
  { a: [1, [2, [3, { b: null }]]], "with.dot": 1, $dollar: 2, "": 3 },
  ["\u0000", { "k\ud800": "\udc00", "\u001a": "\u001a" }],
  "text",
  "",
  0,
  -1.5e-7,
  1e300,
  Number.MAX_SAFE_INTEGER,
  true,
  false,
  [],
  {},
  [null],
];

async function roundTrip(
  engine: Parameters<Cases[string]>[0]["engine"],
  rows: readonly Thing[],
): Promise<void> {
  assert.deepEqual(await engine.write([insert(things, rows)]), [rows.length]);
  const found = await engine.find(things);
  assert.equal(found.length, rows.length);
  const byId = new Map(found.map((row) => [row.id, row]));
  for (const row of rows) assert.deepEqual(byId.get(row.id), row);
}

export const valueCases: Cases = {
  "any text survives, and is found by itself": async ({ engine }) => {
    const rows = Object.entries(texts).map(([id, name]) =>
      thing({ id, name, note: name, labels: name || 1, body: [name] }),
    );
    await roundTrip(engine, rows);
    for (const { id, name } of rows) {
      assert.deepEqual(
        (await engine.find(things, { where: { name } })).map((row) => row.id),
        [id],
      );
      const listed = await engine.find(things, { where: { name: { anyOf: [name, "other"] } } });
      assert.deepEqual(
        listed.map((row) => row.id),
        [id],
      );
    }
  },

  "ids may be any short text too": async ({ engine }) => {
    const ids = Object.values(texts);
    await roundTrip(
      engine,
      ids.map((id) => thing({ id, shelf: id, place: 7 })),
    );
    const found = await engine.find(things, { where: { id: { anyOf: ids } } });
    assert.equal(found.length, ids.length);
  },

  "JSON values come back as they were": async ({ engine }) => {
    await roundTrip(
      engine,
      jsons.map((value, n) => thing({ id: `j${n}`, labels: value, body: value })),
    );
  },

  "numbers and times keep their last digit": async ({ engine }) => {
    const integers = [0, 1, -1, 2 ** 31, -(2 ** 31) - 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
    const reals = [0, 0.1, 1 / 3, -2.5, 5e-324, 1.7976931348623157e308, 123456789.12345678, 42];
    const times = [
      0,
      1,
      -1,
      999,
      951_827_696_789,
      -62_135_596_800_000,
      253_402_300_799_999,
      Date.UTC(2024, 1, 29),
    ];
    await roundTrip(engine, [
      ...integers.map((count, n) => thing({ id: `i${n}`, count, least: count })),
      ...reals.map((weight, n) => thing({ id: `r${n}`, weight })),
      ...times.map((madeAt, n) => thing({ id: `t${n}`, madeAt, goneAt: madeAt })),
    ]);
    for (const madeAt of times) {
      const [found] = await engine.find(things, { where: { id: { startsWith: "t" }, madeAt } });
      assert.equal(found?.madeAt, madeAt);
    }
  },

  "minus zero is zero": async ({ engine }) => {
    await engine.write([insert(things, [thing({ id: "a", count: -0, weight: -0, madeAt: -0 })])]);
    const [found] = await engine.find(things);
    assert.ok(Object.is(found?.weight, 0) && Object.is(found?.count, 0) && Object.is(found?.madeAt, 0));
  },

  "bytes come back as they were, and are the caller's own": async ({ engine }) => {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const large = new Uint8Array(300_000).fill(7);
    const part = Buffer.from("some text from a pool");
    const rows = [all, large, new Uint8Array(0), new Uint8Array(part)].map((blob, n) =>
      thing({ id: `b${n}`, blob }),
    );
    await roundTrip(engine, rows);
    await engine.write([insert(things, [thing({ id: "c", blob: all }), thing({ id: "d", blob: part })])]);
    assert.equal(all.length, 256, "the caller's bytes are still there");
    all.fill(0);
    const [found] = await engine.find(things, { where: { id: "c" } });
    assert.equal(found?.blob?.[255], 255);
    assert.equal((await engine.find(things, { where: { id: "d" } }))[0]?.blob?.length, part.length);
  },

  "text in an index may have any length": async ({ engine }) => {
    // Random, so that no database can press it into an index entry.
    const name = randomBytes(6000).toString("base64");
    await roundTrip(engine, [thing({ id: "a", name }), thing({ id: "b", name: `${name}!` })]);
    const found = await engine.find(things, { where: { name } });
    assert.deepEqual(
      found.map(({ id }) => id),
      ["a"],
    );
  },

  "10 MB in one value": async ({ engine }) => {
    const note = "0123456789 äöü 😀".repeat(600_000);
    await roundTrip(engine, [thing({ id: "big", note, body: { note } })]);
  },
};
