import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// One project per tier (CONTRIBUTING.md, "Tests").  `unit` and `architecture` need no kernel
// feature; the others run the real bin/tsman and are started by test/run.ts, which provides the
// registry and the ordinary user that they need.
/**
 * Milliseconds until a test counts as hung, not a measure of speed: property tests on a busy
 * machine of two cores take seconds.
 */
const hungAfter = 120_000;

/** Of what starts containers: ends them all in the end. */
const guarded = "test/support/guarded-run.ts";

/** Files at once, also where Vitest would take one: they wait for containers half of their time. */
const startersOfContainers = Math.max(2, Math.min(4, availableParallelism()));

export default defineConfig({
  test: {
    // No retries anywhere: a test that fails sometimes has found something.
    retry: 0,
    passWithNoTests: false,
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          pool: "threads",
          // Half of the tier's time goes into loading the same modules for each file otherwise.
          isolate: false,
          testTimeout: hungAfter,
          hookTimeout: hungAfter,
        },
      },
      {
        test: {
          name: "architecture",
          include: ["test/architecture/**/*.test.ts"],
          isolate: false,
          testTimeout: hungAfter,
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          exclude: ["test/integration/root/**"],
          globalSetup: guarded,
          pool: "forks",
          testTimeout: hungAfter,
          hookTimeout: hungAfter,
          maxWorkers: startersOfContainers,
        },
      },
      {
        test: {
          name: "vm",
          include: ["test/vm/**/*.test.ts"],
          pool: "forks",
          // An emulated machine is slow, and two of them more so.
          fileParallelism: false,
          testTimeout: 10 * hungAfter,
          hookTimeout: 10 * hungAfter,
        },
      },
      {
        test: {
          name: "hostile",
          include: ["test/hostile/**/*.test.ts"],
          globalSetup: guarded,
          pool: "forks",
          maxWorkers: startersOfContainers,
          testTimeout: hungAfter,
          hookTimeout: hungAfter,
        },
      },
      {
        test: {
          name: "root",
          include: ["test/integration/root/**/*.test.ts"],
          globalSetup: guarded,
          pool: "forks",
          testTimeout: hungAfter,
          hookTimeout: hungAfter,
        },
      },
    ],
  },
});
