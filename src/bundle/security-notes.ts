import type { ContainerOptions } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import type { BundleRequest, MapEntry, MappingFacts } from "./bundle.ts";
import type { ResolvedUser } from "./command.ts";

/**
 * Checks that the program's ids exist in the container, and says what of the request has no effect.
 *
 * @throws TsmanError USAGE when an id is not mapped
 */
export function userWarnings(
  user: ResolvedUser,
  options: ContainerOptions,
  request: BundleRequest,
): string[] {
  const warnings: string[] = [];
  for (const kind of ["uid", "gid"] as const) {
    const id = user[kind];
    if (id === undefined || isMapped(id, request.mapping[kind])) continue;
    throw new TsmanError("USAGE", `use ${user.because}: ${kind} ${id} is not mapped`, {
      hint: unmappedHint(request.mapping),
    });
  }
  if (user.uid !== undefined && user.uid !== 0 && options.capAdd.length > 0) {
    warnings.push(
      `--cap-add ${options.capAdd.join(",")}: user ${user.spec} gets it from programs with file ` +
        "capabilities only, because nothing is inheritable",
    );
  }
  if (options.shmSize !== undefined && ["host", "container"].includes(options.ipc.mode)) {
    warnings.push(`--shm-size: /dev/shm is that of --ipc ${options.ipc.mode}, as large as it is`);
  }
  if (options.privileged) warnings.push(privilegedWarning(options));
  return warnings;
}

function privilegedWarning({ capDrop, security }: ContainerOptions): string {
  const given = [
    `all capabilities of the user namespace${capDrop.length > 0 ? " that --cap-drop leaves" : ""}`,
    `nothing masked${security.mask.length > 0 ? " but what mask= names" : ""}`,
    ...(["default", "unconfined"].includes(security.seccomp) ? ["no system call filter"] : []),
  ];
  return `--privileged: ${given.join(", ")}`;
}

function isMapped(id: number, entries: readonly MapEntry[]): boolean {
  return entries.some((entry) => id >= entry.inside && id < entry.inside + entry.count);
}

function unmappedHint({ single, because, remedy }: MappingFacts): string {
  if (!single) return "use an id of the mapping that --explain prints";
  return `the container has ${because}${remedy === undefined ? "" : `; ${remedy}`}`;
}

/** The profile of AppArmor's that is to be in force, where the kernel has AppArmor. */
export function apparmorProfile(
  { security: { apparmor = "unconfined" } }: ContainerOptions,
  modules: readonly string[],
): string | undefined {
  return apparmor === "unconfined" || !modules.includes("apparmor") ? undefined : apparmor;
}

/** A label or profile that would be needed and is not applied is refused, never ignored (S33). */
export function securityWarnings(options: ContainerOptions, modules: readonly string[]): string[] {
  const warnings: string[] = [];
  const { apparmor, labels } = options.security;
  if (apparmor !== undefined && apparmor !== "unconfined") {
    if (!modules.includes("apparmor"))
      warnings.push(`--security-opt apparmor=${apparmor}: this kernel has no AppArmor`);
  }
  const wanted = labels.filter((label) => label !== "disable" && label !== "nested");
  if (wanted.length > 0) {
    if (modules.includes("selinux")) {
      throw new TsmanError(
        "OPTION_UNSUPPORTED",
        `use --security-opt label=${wanted[0]}: tsman sets no SELinux labels`,
        { hint: "write label=disable" },
      );
    }
    warnings.push(`--security-opt label=${wanted.join(",")}: this kernel has no SELinux`);
  }
  return warnings;
}
