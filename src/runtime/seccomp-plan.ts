import { TsmanError } from "../errors/index.ts";
import { type LinuxSeccomp, runtimeSpecVersion, type SeccompFlag } from "../oci/runtime-spec.ts";
import { type PlanRecord, settingRecord, stepRecord } from "./launch-plan.ts";

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
  let flags = (seccomp.flags ?? []).reduce((all, flag) => all | flagNumbers[flag], 0);
  // Without a listener there is nothing to wait for, and seccomp(2) refuses it.
  if (!asksListener(seccomp)) flags &= ~flagNumbers.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  return [stepRecord("SECCOMP", [filter, String(flags)], because)];
}

/** Of whom the listener is told; runtime-spec/runtime.md, "State". */
export interface ListenedContainer {
  readonly id: string;
  readonly status: "creating" | "running";
  /** The container's own directory. */
  readonly bundle: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * The setting that hands the filter's descriptor to the profile's listener, with what
 * runtime-spec/config-linux.md calls the container process state; none without a rule that asks.
 */
export function listenerSettings(
  seccomp: LinuxSeccomp | undefined,
  { id, status, bundle, annotations }: ListenedContainer,
  because: string,
): PlanRecord[] {
  if (seccomp?.listenerPath === undefined || !asksListener(seccomp)) return [];
  const metadata = seccomp.listenerMetadata;
  const rest = JSON.stringify({ id, status, bundle, annotations }).slice(1);
  // Init fills in the first two "{pid}": they stand before all that others have written.
  const text =
    `{"ociVersion":"${runtimeSpecVersion}","fds":["seccompFd"],"pid":{pid},` +
    `"state":{"ociVersion":"${runtimeSpecVersion}","pid":{pid},${rest}` +
    `${metadata === undefined ? "" : `,"metadata":${JSON.stringify(metadata)}`}}`;
  return [settingRecord("SECCOMP_LISTENER", [seccomp.listenerPath, text], because)];
}

function asksListener({ syscalls }: LinuxSeccomp): boolean {
  return syscalls.some(({ action }) => action === "SCMP_ACT_NOTIFY");
}
