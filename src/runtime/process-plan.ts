import {
  type Capabilities,
  capabilityMask,
  type Process,
  rlimitNumbers,
} from "../oci/runtime-spec.ts";
import { type PlanRecord, stepRecord } from "./launch-plan.ts";

// Steps of the process that a container's own program and an exec session have in common.

/**
 * Resource limits and the badness for the OOM killer.
 *
 * @param because what asked for the part of `process` behind a JSON pointer, `/rlimits/0`.
 */
export function processLimitSteps(
  process: Pick<Process, "rlimits" | "oomScoreAdj">,
  because: (pointer: string) => string,
): PlanRecord[] {
  const value = (number: number): string => (number === -1 ? "infinity" : String(number));
  const records = process.rlimits.map((limit, index) =>
    stepRecord(
      "RLIMIT",
      [String(rlimitNumbers[limit.type]), value(limit.soft), value(limit.hard)],
      because(`/rlimits/${index}`),
    ),
  );
  if (process.oomScoreAdj !== undefined) {
    records.push(stepRecord("OOM_SCORE", [String(process.oomScoreAdj)], because("/oomScoreAdj")));
  }
  return records;
}

/** The five sets as masks. */
export function capabilityStep(capabilities: Capabilities, because: string): PlanRecord {
  return stepRecord(
    "CAPS",
    [
      capabilityMask(capabilities.bounding),
      capabilityMask(capabilities.effective),
      capabilityMask(capabilities.permitted),
      capabilityMask(capabilities.inheritable),
      capabilityMask(capabilities.ambient),
    ],
    because,
  );
}
