import { type ErrorCode, TsmanError } from "../errors/index.ts";
import { errnoMessage, errnoName } from "../platform/errno.ts";
import { nativeProgram } from "../platform/native.ts";
import { addRangeRemedy } from "./add-range.ts";
import { apparmorCommand, apparmorProfile } from "./apparmor-profile.ts";
import { readUsernsFacts, type UsernsFacts } from "./userns-facts.ts";

/** Where making or mapping a user namespace failed, as the native program reports it. */
export interface UsernsFailure {
  /** "map", "stage 1", "monitor" … */
  readonly stage: string;
  /** "unshare", "write", "run" … */
  readonly operation: string;
  /** The namespaces, the file or the program. */
  readonly object: string;
  /** 0 when unknown. */
  readonly errno: number;
  /** What newuidmap printed, settings of the kernel … */
  readonly detail: string;
}

/**
 * Why a user namespace could not be made or mapped: what was tried, the setting that stands in the
 * way with its value, and the remedy.
 *
 * @param failure structured, or the one line that `tsman-native userns` prints.
 * @param facts default: this host's, read now.
 * @param program default: the native program of this installation.
 * @returns PREFLIGHT_USERNS, or PREFLIGHT_SUBID when a range was refused.
 */
export function explainUsernsFailure(
  failure: UsernsFailure | string,
  facts: UsernsFacts = readUsernsFacts(),
  program: string = nativeProgram(),
): TsmanError {
  const structured = typeof failure === "string" ? fromText(failure) : failure;
  const reason =
    explainMapTool(structured, facts, program) ??
    explainLimit(structured, facts) ??
    explainSupport(structured, facts) ??
    explainRefusal(structured, facts, program) ??
    explainProcessLimit(structured);
  const what = describe(structured);
  if (reason === undefined) {
    return new TsmanError("PREFLIGHT_USERNS", what, {
      hint: "see what this host allows with: tsman doctor",
      details: detailsOf(structured),
    });
  }
  return new TsmanError(reason.code ?? "PREFLIGHT_USERNS", `${what}: ${reason.because}`, {
    hint: reason.remedy,
    details: { ...detailsOf(structured), ...reason.details },
  });
}

interface Reason {
  readonly code?: ErrorCode;
  readonly because: string;
  readonly remedy: string;
  readonly details?: Readonly<Record<string, string | number>>;
}

const addRange = (facts: UsernsFacts): string =>
  `give yourself a range: ${addRangeRemedy(facts.userName, facts.ranges)}`;

/** newuidmap or newgidmap said no; its messages are those of shadow's newuidmap.c. */
function explainMapTool(
  failure: UsernsFailure,
  facts: UsernsFacts,
  program: string,
): Reason | undefined {
  const tool = /new[ug]idmap/.exec(`${failure.object} ${failure.detail}`)?.[0];
  if (tool === undefined) return undefined;
  const file = tool === "newuidmap" ? "/etc/subuid" : "/etc/subgid";
  const range = /range \[(\d+)-(\d+)\) -> \[(\d+)-(\d+)\) not allowed/.exec(failure.detail);
  if (range !== null) {
    return {
      code: "PREFLIGHT_SUBID",
      because: `${tool} does not find ${range[3]}-${Number(range[4]) - 1} among your ranges in ${file}`,
      remedy: `${addRange(facts)} – or run the command again if ${file} was changed meanwhile`,
    };
  }
  if (failure.operation === "execute") {
    return {
      because: `${failure.object} cannot be started (${errnoMessage(failure.errno)})`,
      remedy: "install it: sudo apt install uidmap (Debian, Ubuntu), shadow-utils (Fedora)",
    };
  }
  if (facts.noNewPrivileges) {
    return {
      because: `no_new_privs = 1, so the setuid program ${tool} gains nothing`,
      remedy:
        "start tsman from outside what set it (a container with no-new-privileges, a systemd " +
        "service with NoNewPrivileges=yes, a sandbox)",
    };
  }
  if (
    /(write to|open of) [ug]id_map failed|not permitted|permission denied/i.test(failure.detail)
  ) {
    // The namespace is made, and then has no privilege over itself: newuidmap cannot help there.
    const restriction = explainAppArmor(facts, program);
    if (restriction !== undefined) return restriction;
    return {
      because: `${tool} has not the privilege to write a map: ${oneLine(failure.detail)}`,
      remedy: `give it its setuid bit back: sudo chmod u+s $(command -v ${tool})`,
    };
  }
  return {
    code: "PREFLIGHT_SUBID",
    because: `${tool}: ${oneLine(failure.detail)}`,
    remedy: `check the lines of your user in /etc/subuid and /etc/subgid; ${addRange(facts)}`,
  };
}

/** ENOSPC: more namespaces than /proc/sys/user allows, or 33 levels of them; namespaces(7). */
function explainLimit(failure: UsernsFailure, facts: UsernsFacts): Reason | undefined {
  if (!["ENOSPC", "EUSERS"].includes(errnoName(failure.errno))) return undefined;
  const asked = failure.object.split(",").map((name) => kindOf(name.trim()));
  const kinds = ["user", ...asked].filter((kind) => facts.limits[kind] !== undefined);
  const lowest = kinds.toSorted((a, b) => (facts.limits[a] ?? 0) - (facts.limits[b] ?? 0))[0];
  if (lowest === undefined) return undefined;
  const setting = `user.max_${lowest}_namespaces`;
  const value = facts.limits[lowest] ?? 0;
  return {
    because:
      value === 0
        ? `${setting} = 0: this host allows none`
        : `${setting} = ${value}: all are in use, or namespaces are nested more than 32 deep`,
    remedy: `allow more: sudo sysctl -w ${setting}=${Math.max(15_000, value * 2)} (and write that to /etc/sysctl.d/99-tsman.conf)`,
    details: { setting, value },
  };
}

function explainSupport(failure: UsernsFailure, facts: UsernsFacts): Reason | undefined {
  const isUnknown = ["EINVAL", "ENOSYS"].includes(errnoName(failure.errno));
  if (facts.isSupported || !isUnknown) return undefined;
  return {
    because: "this kernel was built without user namespaces (CONFIG_USER_NS)",
    remedy: "use a kernel with CONFIG_USER_NS=y; those of all common distributions have it",
  };
}

/** Ubuntu's restriction, by its setting or by the profile that it puts programs under. */
function explainAppArmor(facts: UsernsFacts, program: string): Reason | undefined {
  const { apparmorRestrict, apparmorLabel } = facts;
  if (apparmorRestrict !== 1 && apparmorLabel === undefined) return undefined;
  return {
    because:
      apparmorRestrict === 1
        ? "kernel.apparmor_restrict_unprivileged_userns = 1: only programs with an AppArmor profile " +
          "that says so may use user namespaces"
        : `tsman runs under the AppArmor profile ${apparmorLabel}, which may not use user namespaces`,
    remedy: `give tsman's program a profile: ${apparmorCommand(program)}`,
    details: {
      ...(apparmorRestrict === 1
        ? { setting: "kernel.apparmor_restrict_unprivileged_userns", value: 1 }
        : { label: apparmorLabel ?? "" }),
      profile: apparmorProfile(program),
    },
  };
}

/** EPERM and EACCES: somebody forbids it; who, is in the settings. */
function explainRefusal(
  failure: UsernsFailure,
  facts: UsernsFacts,
  program: string,
): Reason | undefined {
  const name = errnoName(failure.errno);
  if (!["EPERM", "EACCES", "ENOSYS"].includes(name)) return undefined;
  if (facts.unprivilegedUsernsClone === 0) {
    return {
      because: "kernel.unprivileged_userns_clone = 0: only root may make user namespaces",
      remedy:
        "allow it: sudo sysctl -w kernel.unprivileged_userns_clone=1 " +
        "(and write that to /etc/sysctl.d/99-tsman.conf)",
      details: { setting: "kernel.unprivileged_userns_clone", value: 0 },
    };
  }
  if (facts.limits.user === 0) {
    return explainLimit({ ...failure, object: "user", errno: enospc }, facts);
  }
  const restriction = explainAppArmor(facts, program);
  if (restriction !== undefined) return restriction;
  if (facts.isFiltered) {
    return {
      because: facts.isInContainer
        ? "a seccomp filter is in force: the container around tsman forbids it"
        : "a seccomp filter is in force: a container or sandbox around tsman forbids it",
      remedy:
        "start the outer container with --security-opt seccomp=unconfined (Docker: also " +
        "--security-opt apparmor=unconfined and --security-opt systempaths=unconfined)",
      details: { seccomp: 2 },
    };
  }
  return {
    because: "the kernel or a security module forbids it",
    remedy:
      "look for the reason in the kernel's log (sudo dmesg | tail: apparmor, selinux, audit), and " +
      "whether tsman runs in a chroot, where user namespaces are refused (user_namespaces(7))",
  };
}

function explainProcessLimit(failure: UsernsFailure): Reason | undefined {
  if (errnoName(failure.errno) !== "EAGAIN") return undefined;
  return {
    because: "you have as many processes as you may",
    remedy: "end some, or raise the limit (ulimit -u, the pids limit of your session's cgroup)",
  };
}

const enospc = 28;

/** The kernel's file names are shorter than our words. */
function kindOf(namespace: string): string {
  // What clone(2) makes for the container's first process is its pid namespace.
  if (namespace === "init") return "pid";
  if (namespace === "mount") return "mnt";
  return namespace === "network" ? "net" : namespace;
}

function describe(failure: UsernsFailure): string {
  const error =
    failure.errno === 0 ? "" : `: ${errnoMessage(failure.errno)} (${errnoName(failure.errno)})`;
  return `${failure.operation} ${failure.object}${error}`.trim();
}

function detailsOf(failure: UsernsFailure): Record<string, string | number> {
  return { stage: failure.stage, errno: errnoName(failure.errno), detail: failure.detail };
}

function oneLine(text: string): string {
  return text
    .trim()
    .split(/\s*\n\s*/)
    .join("; ");
}

/**
 * The native program's line of failure taken apart: `tsman-native: STAGE: OPERATION OBJECT: words
 * (errno N): DETAIL`.
 */
function fromText(text: string): UsernsFailure {
  const match = /^[^:]+: ([^:]+): (\S+) ([^:]*): [^:]*\(errno (\d+)\)(?::\s*([\s\S]*))?$/.exec(
    text.trim(),
  );
  if (match === null) {
    const detail = oneLine(text);
    return { stage: "", operation: "make a user namespace:", object: detail, errno: 0, detail };
  }
  const [, stage = "", operation = "", object = "", errno = "0", detail = ""] = match;
  return { stage, operation, object, errno: Number(errno), detail };
}
