import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { toFileError } from "../../platform/errno.ts";
import { type LaunchPlan, planSteps } from "../../runtime/launch-plan.ts";
import type { FailedStep } from "../../runtime/monitor-handle.ts";

/** The steps of a created container's plan, with who asked for each: a failure names its number. */
const stepsName = "steps";

/**
 * Writes down what whoever starts a created container has to know of its plan.
 *
 * @throws TsmanError DISK_FULL and the like
 */
export function rememberSteps(directory: string, plan: LaunchPlan): void {
  const steps = planSteps(plan).map(({ op, because }): FailedStep => ({ op, because }));
  try {
    writeFileSync(path.join(directory, stepsName), JSON.stringify(steps), { mode: 0o600 });
  } catch (error) {
    throw toFileError(error, `write ${directory}`);
  }
}

/** The step with this number; undefined when it is none, or nobody wrote it down. */
export function findStep(directory: string, index: number): FailedStep | undefined {
  try {
    // Written by ourselves, into a directory of mode 0700.
    const steps = JSON.parse(readFileSync(path.join(directory, stepsName), "utf8"));
    return (steps as readonly FailedStep[])[index];
  } catch {
    return undefined;
  }
}
