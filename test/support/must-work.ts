import type { TestContext } from "vitest";

/** Whether a test that cannot run here must fail: in CI nothing may skip. */
export const mustWorkHere = process.env.TSMAN_TEST_MUST_WORK === "1";

/**
 * Skips the running test when the host lacks what it needs, or fails it where nothing may skip.
 *
 *     it("mounts through fuse-overlayfs", (context) => {
 *       requires(context, existsSync("/dev/fuse"), "/dev/fuse is missing");
 */
export function requires(context: TestContext, works: boolean, reason: string): void {
  if (works) return;
  if (mustWorkHere) throw new Error(`this test must not be skipped here, but ${reason}`);
  context.skip(reason);
}

/**
 * A value that every test of a file needs, from an environment variable set by test/run.ts.
 *
 * @throws Error when it is missing and nothing may skip.
 */
export function fromDriver(variable: string, remedy: string): string | undefined {
  const value = process.env[variable];
  if (value !== undefined && value !== "") return value;
  if (mustWorkHere) throw new Error(`${variable} is not set: ${remedy}`);
  return undefined;
}
