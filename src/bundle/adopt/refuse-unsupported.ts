import { type RuntimeConfig, refused } from "../../oci/runtime-config.ts";
import { refuseSeccomp } from "./adopt-seccomp.ts";
import type { AdoptionFacts } from "./adoption-facts.ts";

/** time_namespaces(7): the clocks of one. */
const hasOffset: readonly string[] = ["monotonic", "boottime"];

/** What is in the specification and not in tsman, or not on this host. */
export function refuseUnsupported(config: RuntimeConfig, facts: AdoptionFacts): void {
  const { linux, process } = config;
  const namespaces = linux.namespaces ?? [];
  const has = (type: string): boolean => namespaces.some((one) => one.type === type);
  if ((config.hostname ?? "") !== "" && !has("uts")) {
    throw refused("/hostname", "there is no uts namespace that it could be the name of");
  }
  if ((config.domainname ?? "") !== "" && !has("uts")) {
    throw refused("/domainname", "there is no uts namespace that it could be the name of");
  }
  if (linux.timeOffsets !== undefined && !has("time")) {
    throw refused("/linux/timeOffsets", "there is no time namespace that they could be for");
  }
  if (linux.timeOffsets !== undefined && namespaces.some((one) => one.type === "time" && one.path))
    throw refused("/linux/timeOffsets", "the time namespace is joined, and has its own");
  const clock = Object.keys(linux.timeOffsets ?? {}).find((name) => !hasOffset.includes(name));
  if (clock !== undefined) {
    throw refused(`/linux/timeOffsets/${clock}`, "only monotonic and boottime can be moved");
  }
  for (const name of ["intelRdt", "netDevices", "memoryPolicy"] as const) {
    if (linux[name] !== undefined) throw refused(`/linux/${name}`, "is not supported");
  }
  if (process.execCPUAffinity !== undefined) {
    throw refused("/process/execCPUAffinity", "is not supported");
  }
  if ((linux.mountLabel ?? "") !== "") {
    requireModule("selinux", "/linux/mountLabel", facts);
  }
  if ((process.selinuxLabel ?? "") !== "") {
    requireModule("selinux", "/process/selinuxLabel", facts);
  }
  if ((process.apparmorProfile ?? "") !== "") {
    requireModule("apparmor", "/process/apparmorProfile", facts);
  }
  if (linux.seccomp !== undefined) refuseSeccomp(linux.seccomp);
  if (Object.hasOwn(config.annotations ?? {}, "")) {
    throw refused("/annotations/", "an annotation without a name");
  }
}

function requireModule(name: string, pointer: string, facts: AdoptionFacts): void {
  if (facts.securityModules.includes(name)) return;
  throw refused(pointer, `the kernel has no ${name}`, "leave it out, or enable the module");
}
