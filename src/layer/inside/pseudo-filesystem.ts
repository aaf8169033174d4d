import { statfsSync } from "node:fs";
import { fsPath } from "../worker/entry-name.ts";

/** statfs(2): file systems that show the kernel, not files of anybody. */
const pseudoTypes: ReadonlyMap<number, string> = new Map([
  [0x9fa0, "proc"],
  [0x62656572, "sysfs"],
  [0x27e0eb, "cgroup"],
  [0x63677270, "cgroup2"],
  [0x1cd1, "devpts"],
  [0x19800202, "mqueue"],
  [0x64626720, "debugfs"],
  [0x74726163, "tracefs"],
  [0x73636673, "securityfs"],
  [0xcafe4a11, "bpf"],
  [0x6e736673, "nsfs"],
  [0x62656570, "configfs"],
  [0x65735543, "fusectl"],
  [0x6165676c, "pstore"],
  [0xde5e81e4, "efivarfs"],
]);

/**
 * The name of the file system behind a path (a byte string) if it is one of the kernel's own.
 * Nothing is copied out of or into these: their files have no size, do things when they are
 * written, and /proc of a container with the host's pid namespace has links into processes.
 */
export function findPseudoFilesystem(path: string): string | undefined {
  return pseudoTypes.get(statfsSync(fsPath(path)).type);
}
