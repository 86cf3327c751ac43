import { defineConfig } from "vitest/config";
import CountReporter from "./test/support/count-reporter.ts";

// The tests import the built package (`dist`, or `loci` by its own name): what is tested is what ships, and the
// threads and child processes of the package are plain JavaScript files that Node can start.
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default", new CountReporter()],
  },
});
