import type { TestContext } from "vitest";

export const strict: boolean = process.env["LOCI_TEST_STRICT"] === "1";

/**
 * A test that needs something of the machine: where it is not there, the test is skipped and says why; in strict mode
 * (`LOCI_TEST_STRICT=1`, which `.ci/run` sets) it fails.
 */
export function needs(context: TestContext, there: boolean, reason: string): void {
  if (there) return;
  if (strict) throw new Error(`${reason} In strict mode nothing may be skipped.`);
  context.skip(reason);
}
