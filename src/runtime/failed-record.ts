import { type LaunchPlan, type PlanRecord, planSteps } from "./launch-plan.ts";
import { setting, step } from "./protocol.ts";

/** What a FAILED frame says of where it happened; native/protocol.h. */
interface FailedPlace {
  /** Among the steps; -1: none of them. */
  readonly stepIndex: number;
  readonly operation: string;
  readonly object: string;
}

/** The record that a FAILED frame is about: a step by its number, or a setting by what it names. */
export function failedRecord(plan: LaunchPlan, place: FailedPlace): PlanRecord | undefined {
  if (place.stepIndex >= 0) return planSteps(plan)[place.stepIndex];
  return plan.records.find((record) => isOf(record, place));
}

function isOf({ op, args }: PlanRecord, { operation, object }: FailedPlace): boolean {
  switch (op) {
    case setting.OPEN:
    case setting.JOIN:
    case setting.OPEN_IDMAPPED:
      return args[1] === object;
    case setting.SECCOMP_LISTENER:
      return operation.endsWith("seccomp listener") && args[0] === object;
    case setting.TIME_OFFSET:
      return operation === "set time offset" && object.startsWith(`${args[0]} ${args[1]}.`);
    case setting.UID_MAP:
      return /\/(newuidmap|uid_map)$/.test(object);
    case setting.GID_MAP:
      return /\/(newgidmap|gid_map)$/.test(object);
    case step.OOM_SCORE:
      return operation === "set oom score";
    default:
      return false;
  }
}
