import { applyCases } from "./cases/apply.ts";
import { exchangeCases } from "./cases/exchange.ts";
import { feedCases } from "./cases/feed.ts";
import { findCases } from "./cases/find.ts";
import { prepareCases } from "./cases/prepare.ts";
import { rollupCases } from "./cases/rollup.ts";
import { takeCases } from "./cases/take.ts";
import { valueCases } from "./cases/values.ts";
import { wakeCases } from "./cases/wake.ts";
import { writeCases } from "./cases/write.ts";
import type { Cases, Opened } from "./opened.ts";
import { suiteSchema } from "./things.ts";

export { type Fault, type FaultPlan, type FaultyCall, flaky } from "./flaky.ts";
export { sessionStoreSuite, type TestedSessionStore } from "./session-store.ts";
export type { Elsewhere, Opened } from "./opened.ts";
export { type Card, cards, firstCards, firstSchema, secondSchema, thirdSchema } from "./steps.ts";
export { type Job, job, jobs, suiteSchema, type Thing, thing, things } from "./things.ts";

/** Of vitest, of node:test, of any runner that has these. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>) => unknown;
}

export interface SuiteOptions {
  readonly test: TestRunner;
  /** What this engine cannot do, by the name of the test, and why. The docs' table of abilities is made from it. */
  readonly gaps?: Readonly<Record<string, string>>;
}

/** What makes a backend a backend. `open` gives a new and empty store each time. */
export function engineSuite(
  name: string,
  open: () => Promise<Opened>,
  { test: { describe, it }, gaps = {} }: SuiteOptions,
): void {
  const cases: Cases = {
    ...prepareCases,
    ...writeCases,
    ...valueCases,
    ...findCases,
    ...takeCases,
    ...exchangeCases,
    ...rollupCases,
    ...wakeCases,
    ...feedCases,
    ...applyCases,
  };
  const unknown = Object.keys(gaps).filter((gap) => !(gap in cases));
  if (unknown.length > 0) throw new Error(`The suite has no test named ${unknown.join(", ")}.`);
  describe(`${name} is an engine`, () => {
    for (const [title, run] of Object.entries(cases)) {
      const reason = gaps[title];
      if (reason === undefined) it(title, () => once(open, run));
      else it(`${title}: a gap, ${reason}`, () => stillGap(title, () => once(open, run)));
    }
  });
}

/** A gap is tried, too: one that is none any more has to leave the list. */
async function stillGap(title: string, run: () => Promise<void>): Promise<void> {
  const holds = await run().then(
    () => true,
    () => false,
  );
  if (holds) throw new Error(`"${title}" holds now: take it off the list of gaps.`);
}

async function once(open: () => Promise<Opened>, run: (opened: Opened) => Promise<void>): Promise<void> {
  const opened = await open();
  try {
    await opened.engine.prepare(suiteSchema);
    await run(opened);
  } finally {
    await opened.engine.close();
    await opened.dispose?.();
  }
}
