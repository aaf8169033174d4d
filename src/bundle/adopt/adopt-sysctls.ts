import { type RuntimeConfig, refused } from "../../oci/runtime-config.ts";
import type { Namespace } from "../../oci/runtime-spec.ts";
import { sysctlFault } from "../sysctls.ts";

/**
 * `linux.sysctl`, of the container's own namespaces.
 *
 * @throws TsmanError CONFIG_INVALID with the JSON pointer
 */
export function adoptSysctls(
  { linux }: RuntimeConfig,
  namespaces: readonly Namespace[],
): Readonly<Record<string, string>> {
  const sysctls = linux.sysctl ?? {};
  const lacks = (type: Namespace["type"]): boolean => !namespaces.some((one) => one.type === type);
  // Of one that is joined they are not this container's to set.
  const user = !namespaces.some((one) => one.type === "user" && one.path === undefined);
  const shared = { ipc: lacks("ipc"), network: lacks("network"), uts: lacks("uts"), user };
  for (const [key, value] of Object.entries(sysctls)) {
    const pointer = `/linux/sysctl/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (key.replaceAll("/", ".") === "kernel.hostname") {
      throw refused(pointer, "is what /hostname sets", "write it there");
    }
    const fault = sysctlFault(key, value, shared);
    if (fault !== undefined) throw refused(pointer, fault.why, fault.hint);
  }
  return sysctls;
}
