import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";
import { strict } from "./needs.ts";

/**
 * The last lines of a run: what was skipped and why, then `N passed, N failed`, counted from vitest's own results. A
 * file that did not load, and an error outside any test, count as one failure each. A run that saw no test fails, and
 * so does a strict run that skipped one. Where LOCI_TEST_COUNT names a file, the last line speaks for all runs that
 * wrote there before, too: several runs that make one check.
 */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const states = tests.map((test) => test.result());
    const passed = states.filter(({ state }) => state === "passed").length;
    const skipped = states.filter(({ state }) => state === "skipped" || state === "pending").length;
    const broken = modules.flatMap((module) => module.errors()).length + errors.length;
    const failed = states.length - passed - skipped + broken;
    for (const test of tests) {
      const result = test.result();
      if (result.state === "skipped") console.log(`skipped: ${test.fullName}: ${result.note ?? "no reason"}`);
    }
    if (passed + failed === 0) console.log("No test ran: that is a failure too.");
    if (strict && skipped > 0) console.log(`${skipped} skipped in strict mode: that is a failure too.`);
    if (failed > 0 || passed === 0 || (strict && skipped > 0)) process.exitCode = 1;
    const all = added(passed, failed);
    if (all.failed > 0) process.exitCode = 1;
    console.log(`${all.passed} passed, ${all.failed} failed`);
  }
}

function added(passed: number, failed: number): { readonly passed: number; readonly failed: number } {
  const file = process.env["LOCI_TEST_COUNT"];
  if (file === undefined || file === "") return { passed, failed };
  const before = existsSync(file)
    ? (JSON.parse(readFileSync(file, "utf8")) as { passed: number; failed: number })
    : { passed: 0, failed: 0 };
  const all = { passed: before.passed + passed, failed: before.failed + failed };
  writeFileSync(file, JSON.stringify(all));
  return all;
}
