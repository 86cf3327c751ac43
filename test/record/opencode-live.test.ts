import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Happening, type Loci, open } from "../../dist/index.js";
import { messages } from "../../dist/model/message.js";
import { modelCalls } from "../../dist/model/model-call.js";
import { sessions } from "../../dist/model/session.js";
import { toolExecutions } from "../../dist/model/tool-execution.js";
import { openCodeEvent } from "../../dist/record/sources/opencode/event.js";
import { createOpenCodeSource } from "../../dist/record/sources/opencode/live.js";
import { cases, eventsOf } from "../attach/support/fake-opencode.ts";
import { type Folder, testFolder } from "../import/support/store.ts";

const fixture = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../fixtures/opencode/${name}`, import.meta.url)), "utf8");

/** What the source tells of these events, one second apart. */
function told(events: readonly unknown[]): Happening[] {
  const source = createOpenCodeSource();
  return events.flatMap((value, at) => {
    const event = openCodeEvent(value);
    return event === undefined ? [] : source.event(event, 1_795_204_600_000 + at * 1000);
  });
}

let folder: Folder;
let loci: Loci;
beforeEach(async () => {
  folder = testFolder();
  loci = await open("memory:");
});
afterEach(async () => {
  await loci.close();
  folder[Symbol.dispose]();
});

async function importDatabase(store: Loci): Promise<void> {
  const db = new Database(folder.at("opencode.db"));
  db.exec(fixture("opencode.sql"));
  db.close();
  await store.import([folder.at("opencode.db")], { redact: { off: true } });
}

async function rows(store: Loci): Promise<Record<string, Map<string, unknown>>> {
  const all: Record<string, Map<string, unknown>> = {};
  for (const collection of [sessions, messages, toolExecutions, modelCalls] as const) {
    const found = (await store.engine.find(collection as typeof sessions)) as ReadonlyArray<{ id: string }>;
    all[collection.name] = new Map(found.map((row) => [row.id, row]));
  }
  return all;
}

describe("OpenCode's events", () => {
  test("become what an import of its database makes of them, so that it changes nothing", async () => {
    for (const happening of told(eventsOf(...cases))) await loci.add([happening]);
    const before = await rows(loci);
    await importDatabase(loci);
    const after = await rows(loci);
    for (const [name, rowsBefore] of Object.entries(before)) {
      for (const [id, row] of rowsBefore) expect([name, after[name]?.get(id)]).toEqual([name, row]);
    }
    expect(Object.values(before).map((some) => some.size)).toEqual([12, 67, 21, 38]);
    expect(Object.values(after).map((some) => some.size)).toEqual([12, 67, 21, 38]);
  });
});
