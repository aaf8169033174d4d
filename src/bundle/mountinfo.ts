import { cleanContainerPath } from "./container-path.ts";

/** One line of proc_pid_mountinfo(5), as far as visibility depends on it. */
export interface MountinfoEntry {
  readonly id: number;
  readonly parent: number;
  /** The part of the file system that is mounted. */
  readonly root: string;
  readonly target: string;
  readonly type: string;
}

/** Parses /proc/self/mountinfo; a line that is not understood is left out. */
export function parseMountinfo(text: string): MountinfoEntry[] {
  return text.split("\n").flatMap((line) => {
    const fields = line.split(" ");
    const dash = fields.indexOf("-", 6);
    const [id, parent, , root, target] = fields;
    const type = dash < 0 ? undefined : fields[dash + 1];
    if (root === undefined || target === undefined || type === undefined) return [];
    return [{ id: Number(id), parent: Number(parent), root, target: unescapeOctal(target), type }];
  });
}

/** proc_pid_mountinfo(5): blank, tab, newline and backslash are written in octal. */
function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** Directories that the kernel makes as mount points: empty for ever, so covering them hides nothing. */
const emptyDirectories: Readonly<Record<string, readonly string[]>> = {
  proc: ["fs/nfsd", "openprom", "sys/fs/binfmt_misc", "fs/nfs"],
  sysfs: [
    "firmware/efi/efivars",
    "fs/bpf",
    "fs/cgroup",
    "fs/fuse/connections",
    "fs/pstore",
    "fs/selinux",
    "fs/smackfs",
    "fs/resctrl",
    "hypervisor/s390",
    "kernel/config",
    "kernel/debug",
    "kernel/security",
    "kernel/tracing",
  ],
};

/**
 * Whether a user namespace of ours may mount a new instance of a file system: only where one is
 * visible already with nothing of it covered (`mount_too_revealing` in the kernel's fs/namespace.c).
 * In a container of another engine, which masks parts of /proc, it is not.
 */
export function isFullyVisible(mounts: readonly MountinfoEntry[], type: "proc" | "sysfs"): boolean {
  const empty = emptyDirectories[type] ?? [];
  return mounts.some((mount) => {
    if (mount.type !== type || mount.root !== "/") return false;
    const children = mounts.filter((child) => child.parent === mount.id && child.id !== mount.id);
    return children.every((child) => {
      const relative = cleanContainerPath(child.target).slice(mount.target.length + 1);
      return empty.includes(relative);
    });
  });
}
