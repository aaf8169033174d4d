import path from "node:path";
import { TsmanError } from "../errors/index.ts";
import { isAtOrBelow } from "../oci/runtime-spec.ts";

/**
 * A path in the container, cleaned as a string: `..` above the root stays at the root, as the
 * kernel does it.  Symbolic links are the kernel's business, inside the container (S16).
 */
export function cleanContainerPath(text: string): string {
  const cleaned = path.posix.normalize(`/${text}`);
  return cleaned.length > 1 && cleaned.endsWith("/") ? cleaned.slice(0, -1) : cleaned;
}

/** Number of components: parents have fewer than what is in them. */
export function pathDepth(cleaned: string): number {
  return cleaned === "/" ? 0 : cleaned.split("/").length - 1;
}

/** Files of /proc that tell of the machine: lxcfs has others for a container, and runc allows them. */
const replaceable = ["cpuinfo", "diskstats", "loadavg", "meminfo", "stat", "swaps", "uptime"].map(
  (name) => `/proc/${name}`,
);

/** Whether something else may be mounted on a cleaned path: programs trust what is in /proc (S4). */
export function isInTrustedProc(target: string, isBind: boolean): boolean {
  return isAtOrBelow(target, "/proc") && !(isBind && replaceable.includes(target));
}

/**
 * The cleaned target of a mount or device.
 *
 * @throws TsmanError USAGE when it is not absolute, the root itself, or in /proc (S4, S5: programs
 * trust what they read and write there)
 */
export function mountTarget(text: string, because: string, isBind = false): string {
  if (!path.posix.isAbsolute(text)) {
    throw new TsmanError("USAGE", `use ${because}: target ${JSON.stringify(text)} is relative`, {
      hint: "give the target as an absolute path of the container",
    });
  }
  const target = cleanContainerPath(text);
  if (target === "/") {
    throw new TsmanError("USAGE", `use ${because}: the target must not be /`, {
      hint: "use --rootfs to give the container another root",
    });
  }
  if (isInTrustedProc(target, isBind)) {
    throw new TsmanError("USAGE", `use ${because}: nothing may be mounted on ${target}`, {
      hint: "mount it outside of /proc",
    });
  }
  return target;
}
