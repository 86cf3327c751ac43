import { defineConfig } from "vitest/config";
import config from "./vitest.config.ts";

// `npm run test:agents`: the real agent programs. One file after the other, since some measure times.
export default defineConfig({
  test: {
    ...config.test,
    include: ["test/agents/*.agents.ts"],
    testTimeout: 120_000,
    fileParallelism: false,
  },
});
