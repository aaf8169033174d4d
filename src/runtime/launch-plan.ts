import type { SettingName, StepName } from "./protocol.ts";
import { setting, step, stepBase } from "./protocol.ts";

/** One record of a LAUNCH frame; operands as native/protocol.h describes them. */
export interface PlanRecord {
  readonly op: number;
  readonly args: readonly (string | Uint8Array)[];
  /** The option, image field or default that asked for it: for `--explain` and for messages. */
  readonly because: string;
}

/** A container's set-up as a program: settings first, then steps in the order of execution. */
export interface LaunchPlan {
  readonly records: readonly PlanRecord[];
}

/** A setting by name. */
export function settingRecord(
  name: SettingName,
  args: readonly (string | Uint8Array)[],
  because: string,
): PlanRecord {
  return { op: setting[name], args, because };
}

/** A step by name. */
export function stepRecord(
  name: StepName,
  args: readonly (string | Uint8Array)[],
  because: string,
): PlanRecord {
  return { op: step[name], args, because };
}

/** The steps alone, in order: the index of a FAILED frame counts these. */
export function planSteps(plan: LaunchPlan): PlanRecord[] {
  return plan.records.filter((record) => record.op >= stepBase);
}
