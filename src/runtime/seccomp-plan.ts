import { TsmanError } from "../errors/index.ts";
import type { LinuxSeccomp, SeccompFlag } from "../oci/runtime-spec.ts";
import { type PlanRecord, stepRecord } from "./launch-plan.ts";

/** seccomp(2); TSYNC is missing: a process that is about to execute a program has one thread. */
const flagNumbers: Readonly<Record<SeccompFlag, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
};

/**
 * The step that loads the filter; none without one.
 *
 * @param filter compiled from `seccomp`.
 * @throws TsmanError INTERNAL when there are rules and they were not compiled: nothing starts
 * without its filter.
 */
export function seccompSteps(
  seccomp: LinuxSeccomp | undefined,
  filter: Uint8Array | undefined,
  because: string,
): PlanRecord[] {
  if (seccomp === undefined) return [];
  if (filter === undefined) {
    throw new TsmanError("INTERNAL", "compile plan: the system call filter was not compiled");
  }
  if (seccomp.listenerPath !== undefined) {
    throw new TsmanError("OPTION_UNSUPPORTED", "use a seccomp profile with a listenerPath", {
      hint: "leave SCMP_ACT_NOTIFY and listenerPath out of the profile",
    });
  }
  const flags = (seccomp.flags ?? []).reduce((all, flag) => all | flagNumbers[flag], 0);
  return [stepRecord("SECCOMP", [filter, String(flags)], because)];
}
