import type { MountFlag, Propagation } from "../../container/options.ts";
import { propagationTypes } from "../../oci/runtime-spec.ts";

const mountFlags: ReadonlySet<string> = new Set<MountFlag>([
  "nosuid",
  "suid",
  "nodev",
  "dev",
  "noexec",
  "exec",
  "noatime",
  "sync",
]);

/** Whether a word of a mount's options is one of the kernel's flags, mount(8). */
export function isMountFlag(word: string): word is MountFlag {
  return mountFlags.has(word);
}

/** Whether a word is a propagation type, mount_namespaces(7). */
export function isPropagation(word: string): word is Propagation {
  return propagationTypes.has(word);
}
