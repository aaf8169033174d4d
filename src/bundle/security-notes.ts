import type { ContainerOptions } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import type { BundleRequest, MapEntry } from "./bundle.ts";
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
  const isMapped = (id: number, entries: readonly MapEntry[]): boolean =>
    entries.some((entry) => id >= entry.inside && id < entry.inside + entry.count);
  if (user.uid !== undefined && !isMapped(user.uid, request.mapping.uid)) {
    throw new TsmanError("USAGE", `use ${user.because}: uid ${user.uid} is not mapped`, {
      hint: request.mapping.single
        ? "this container has one id only: give yourself subordinate ids (tsman doctor says how)"
        : "use an id of the mapping that --explain prints",
    });
  }
  if (user.gid !== undefined && !isMapped(user.gid, request.mapping.gid)) {
    throw new TsmanError("USAGE", `use ${user.because}: gid ${user.gid} is not mapped`, {
      hint: request.mapping.single
        ? "this container has one id only: give yourself subordinate ids (tsman doctor says how)"
        : "use an id of the mapping that --explain prints",
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
  if (options.privileged) {
    warnings.push(
      "--privileged: all capabilities of the user namespace, nothing masked, no system call filter",
    );
  }
  return warnings;
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
