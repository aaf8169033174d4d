import { TsmanError } from "../errors/index.ts";
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

/** personality(2), in hexadecimal. */
const personalities: Readonly<Record<string, string>> = { LINUX: "0", LINUX32: "8" };

/**
 * The execution domain.
 *
 * @throws TsmanError CONFIG_INVALID for one that is not known
 */
export function personalitySteps(
  personality: { readonly domain: string } | undefined,
  because: string,
): PlanRecord[] {
  if (personality === undefined) return [];
  const { domain } = personality;
  const number = Object.hasOwn(personalities, domain) ? personalities[domain] : undefined;
  if (number === undefined) {
    throw new TsmanError(
      "CONFIG_INVALID",
      `read config.json: /linux/personality/domain: ${JSON.stringify(domain)} is not known`,
      { details: { pointer: "/linux/personality/domain" } },
    );
  }
  return [stepRecord("PERSONALITY", [number], because)];
}

/** AppArmor's profile: execve(2) changes to it. */
export function profileSteps(profile: string | undefined, because: string): PlanRecord[] {
  return profile === undefined ? [] : [stepRecord("LABEL", ["apparmor", profile], because)];
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
