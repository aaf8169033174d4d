import { readFileSync, statSync } from "node:fs";
import { findProgram } from "../config/find-program.ts";
import { lgetxattr } from "../platform/libc/xattrs.ts";

/** Whether newuidmap and newgidmap can write a map here, and where they are. */
export type MapTools =
  | { readonly state: "usable"; readonly newuidmap: string; readonly newgidmap: string }
  | { readonly state: "missing" | "unusable"; readonly because: string; readonly remedy: string };

/** What {@link findMapTools} takes; the defaults are this host's. */
export interface MapToolsSource {
  /** Directories to look in; never the caller's PATH, which a project may control (S95). */
  readonly directories?: readonly string[] | undefined;
  /** Text of /proc/self/status. */
  readonly status: string;
  /** Text of /proc/self/mountinfo, read only when needed. */
  readonly mountinfo?: (() => string) | undefined;
  /**
   * Whether a program has file capabilities (setcap, as Fedora and Arch install newuidmap).
   * The default asks the kernel, for which koffi must be loaded (some 20 ms): remember the answer
   * where that counts.
   */
  readonly hasFileCapabilities?: ((program: string) => boolean) | undefined;
}

const systemDirectories = [
  "/usr/bin",
  "/bin",
  "/usr/local/bin",
  "/usr/sbin",
  "/sbin",
  "/usr/local/sbin",
];
const setuidBit = 0o4000;

/** Looks for newuidmap(1) and newgidmap(1) and judges whether they can do their work. */
export function findMapTools(source: MapToolsSource): MapTools {
  const directories = source.directories ?? systemDirectories;
  const newuidmap = findProgram("newuidmap", directories);
  const newgidmap = findProgram("newgidmap", directories);
  if (newuidmap === undefined || newgidmap === undefined) {
    const name = newuidmap === undefined ? "newuidmap" : "newgidmap";
    return {
      state: "missing",
      because: `${name} is not installed`,
      remedy: "install it: sudo apt install uidmap (Debian, Ubuntu), shadow-utils (Fedora)",
    };
  }
  // prctl(2), PR_SET_NO_NEW_PRIVS: execve no longer grants what setuid bits and capabilities ask.
  if (/^NoNewPrivs:\s*1$/m.test(source.status)) {
    return {
      state: "unusable",
      because: "no_new_privs is set, so setuid programs like newuidmap gain nothing",
      remedy:
        "start tsman from outside what set it (a container with no-new-privileges, " +
        "a systemd service with NoNewPrivileges=yes, a sandbox)",
    };
  }
  for (const program of [newuidmap, newgidmap]) {
    const fault = privilegeFault(program, source);
    if (fault !== undefined) return { state: "unusable", ...fault };
  }
  return { state: "usable", newuidmap, newgidmap };
}

function privilegeFault(
  program: string,
  source: MapToolsSource,
): { because: string; remedy: string } | undefined {
  const stat = statSync(program);
  const isSetuidRoot = (stat.mode & setuidBit) !== 0 && stat.uid === 0;
  if (!isSetuidRoot && !(source.hasFileCapabilities ?? hasFileCapabilities)(program)) {
    return {
      because: `${program} has neither the setuid bit of root nor file capabilities`,
      remedy: `give it back: sudo chmod u+s ${program}`,
    };
  }
  const mountinfo = source.mountinfo ?? (() => readFileSync("/proc/self/mountinfo", "utf8"));
  const mount = findMount(mountinfo(), program);
  if (mount?.options.includes("nosuid") === true) {
    return {
      because: `${program} lies on ${mount.target}, which is mounted nosuid`,
      remedy: `mount it without nosuid: sudo mount -o remount,suid ${mount.target}`,
    };
  }
  return undefined;
}

/** Whether the kernel would grant capabilities on execve: capabilities(7), "File capabilities". */
export function hasFileCapabilities(program: string): boolean {
  return lgetxattr(Buffer.from(program), "security.capability") !== undefined;
}

/** The mount that holds `file`: the last one among the longest; proc_pid_mountinfo(5). */
export function findMount(
  mountinfo: string,
  file: string,
): { readonly target: string; readonly options: readonly string[] } | undefined {
  let found: { target: string; options: readonly string[] } | undefined;
  for (const line of mountinfo.split("\n")) {
    const fields = line.split(" ");
    const encoded = fields[4];
    const options = fields[5];
    if (encoded === undefined || options === undefined) continue;
    const target = encoded.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    const isAbove = target === "/" || file === target || file.startsWith(`${target}/`);
    if (isAbove && target.length >= (found?.target.length ?? 0)) {
      found = { target, options: options.split(",") };
    }
  }
  return found;
}
