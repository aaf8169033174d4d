import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// One project per tier (CONTRIBUTING.md, "Tests").  `unit` and `architecture` need no kernel
// feature; the others run the real bin/tsman and are started by test/run.ts, which provides the
// registry and the ordinary user that they need.
export default defineConfig({
  test: {
    // No retries anywhere: a test that fails sometimes has found something.
    retry: 0,
    passWithNoTests: false,
    projects: [
      {
        test: { name: "unit", include: ["test/unit/**/*.test.ts"], pool: "threads" },
      },
      {
        test: { name: "architecture", include: ["test/architecture/**/*.test.ts"] },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          exclude: ["test/integration/root/**"],
          pool: "forks",
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: Math.max(2, Math.min(4, availableParallelism())),
        },
      },
      {
        test: {
          name: "hostile",
          include: ["test/hostile/**/*.test.ts"],
          pool: "forks",
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "root",
          include: ["test/integration/root/**/*.test.ts"],
          pool: "forks",
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
