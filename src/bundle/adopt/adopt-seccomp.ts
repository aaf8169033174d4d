import { type RuntimeConfig, refused } from "../../oci/runtime-config.ts";
import type { LinuxSeccomp } from "../../oci/runtime-spec.ts";

/** `linux.seccomp` in the form of tsman's own, when {@link refuseSeccomp} has seen it. */
export function adoptSeccomp(
  seccomp: NonNullable<RuntimeConfig["linux"]["seccomp"]>,
): LinuxSeccomp {
  const { defaultErrnoRet, listenerPath = "", listenerMetadata } = seccomp;
  return {
    defaultAction: seccomp.defaultAction as LinuxSeccomp["defaultAction"],
    ...(defaultErrnoRet !== undefined && { defaultErrnoRet }),
    flags: (seccomp.flags ?? []) as NonNullable<LinuxSeccomp["flags"]>,
    architectures: seccomp.architectures ?? [],
    syscalls: (seccomp.syscalls ?? []) as LinuxSeccomp["syscalls"],
    ...(listenerPath !== "" && { listenerPath }),
    ...(listenerMetadata !== undefined && { listenerMetadata }),
  };
}

/** config-linux.md: "When the action doesn't support an errno, the runtime MUST print and error". */
function refuseErrno(action: string, errnoRet: number | undefined, pointer: string): void {
  if (errnoRet === undefined || ["SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"].includes(action)) return;
  throw refused(`/linux/seccomp/${pointer}`, `${action} returns no error number`);
}

/**
 * What no filter can be.
 *
 * @throws TsmanError CONFIG_INVALID with the JSON pointer
 */
export function refuseSeccomp(seccomp: NonNullable<RuntimeConfig["linux"]["seccomp"]>): void {
  refuseErrno(seccomp.defaultAction, seccomp.defaultErrnoRet, "defaultErrnoRet");
  (seccomp.syscalls ?? []).forEach(({ action, errnoRet }, index) => {
    refuseErrno(action, errnoRet, `syscalls/${index}/errnoRet`);
  });
  const notifies = (seccomp.syscalls ?? []).findIndex(({ action }) => action === "SCMP_ACT_NOTIFY");
  const listener = seccomp.listenerPath ?? "";
  if (seccomp.defaultAction === "SCMP_ACT_NOTIFY") {
    throw refused("/linux/seccomp/defaultAction", "SCMP_ACT_NOTIFY cannot be the default");
  }
  const sends = (seccomp.syscalls ?? []).findIndex(
    ({ action, names }) => action === "SCMP_ACT_NOTIFY" && names.includes("sendmsg"),
  );
  if (sends >= 0) {
    // Between the filter and the program, the listener's descriptor is sent.
    throw refused(`/linux/seccomp/syscalls/${sends}`, "sendmsg cannot be notified of");
  }
  if (notifies >= 0 && listener === "") {
    throw refused(
      `/linux/seccomp/syscalls/${notifies}/action`,
      "needs /linux/seccomp/listenerPath",
    );
  }
  if ((seccomp.listenerMetadata ?? "") !== "" && listener === "") {
    throw refused("/linux/seccomp/listenerMetadata", "needs /linux/seccomp/listenerPath");
  }
  if (listener !== "" && !listener.startsWith("/")) {
    throw refused("/linux/seccomp/listenerPath", "is no absolute path");
  }
}
