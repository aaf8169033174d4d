import { errnoName } from "../platform/errno.ts";
import type { MonitorFailure } from "./monitor-handle.ts";
import { step } from "./protocol.ts";

/** What to do about a failure of the native program. */
export function hintOf(failure: MonitorFailure): string | undefined {
  const errno = errnoName(failure.errno);
  if (errno === "EMFILE") return "raise the limit of open files (ulimit -n)";
  if (errno === "ENOMEM" && failure.step?.op === step.EXEC) {
    return isOfConfig(failure)
      ? "raise RLIMIT_AS and RLIMIT_DATA (/process/rlimits), if they are set"
      : "raise the limits as and data (--ulimit), if they are set";
  }
  return configHint(failure) ?? stepHint(failure) ?? joinHint(failure) ?? hiddenHint(failure);
}

/** What to do where a namespace is refused, or its maps. */
export function hintOfNamespace(failure: MonitorFailure): string {
  return failure.stage === "map" && isOfConfig(failure)
    ? "map your own id, and ranges that /etc/subuid and /etc/subgid give you, as tsman-oci spec --rootless does; tsman doctor prints them"
    : "run tsman doctor: it says what to change";
}

/**
 * Whether it was asked for by a config.json, or by an option of `tsman-oci`, which has others than
 * `tsman`.
 */
export function isOfConfig({ step: failed }: MonitorFailure): boolean {
  return /^(?:exec --|\/)/.test(failed?.because ?? "");
}

/** A terminal is made in the container, from its own devpts(4). */
function missingInContainer(place: string): string | undefined {
  return place.startsWith("/dev/pts")
    ? "for a terminal the container needs a devpts there"
    : undefined;
}

/** proc(5), hidepid: its start time is what tells it from a process that gets its number later. */
function hiddenHint({ stage, object }: MonitorFailure): string | undefined {
  return stage === "monitor" && /^\/proc\/\d+\/stat$/.test(object)
    ? "run it at once, or have /proc mounted with gid= a group of yours, or without hidepid"
    : undefined;
}

/** setns(2) asks for rights in the user namespace that owns the other one. */
function joinHint({ stage, operation, errno }: MonitorFailure): string | undefined {
  if (stage !== "stage 1" || operation !== "join") return undefined;
  return ["EPERM", "EACCES"].includes(errnoName(errno))
    ? "join one that your own user namespace has made, as those of your containers, or make a new one"
    : "name a namespace of that kind, such as /proc/PID/ns/net for a network";
}

const appendHint =
  "the image needs a regular file of its own there that may be written to: leave --hostuser, " +
  "--passwd-entry and --group-entry out, or mount a file with these lines";

const procHint =
  "a new /proc takes a pid namespace that the container's own user namespace has made: give it one, or no /proc " +
  "but that of the host, as with --pid host";

/** sysfs(5) shows the network namespace it is made in. */
const sysfsHint =
  "a new sysfs takes a network namespace that the container's own user namespace has made: give it one, or bind " +
  "the host's /sys";

/** Where the step is from a `config.json`: no option of a command line would help. */
function configHint(failure: MonitorFailure): string | undefined {
  const { step: failed, operation, object } = failure;
  const errno = errnoName(failure.errno);
  if (!isOfConfig(failure)) return undefined;
  switch (failed?.op) {
    case step.CHDIR:
      if (errno === "EROFS") return "make the directory before: this root is read-only";
      return errno === "ENOENT"
        ? "make the directory before, or name one that is there"
        : "name a directory that the program may be in";
    case step.MOUNT:
      // mount_namespaces(7): only what the kernel takes for harmless.
      return errno === "EPERM" && !/^(?:proc|sysfs) on /.test(object)
        ? "an ordinary user's container may mount proc, sysfs, tmpfs, devpts, mqueue, cgroup2 and overlay: have this mounted on the host, and bind it"
        : undefined;
    case step.OOM_SCORE:
      return errno === "EACCES"
        ? "an ordinary user can only raise it: name a higher one, or leave it out"
        : undefined;
    case step.SYSCTL:
      if (object.startsWith("kernel/domainname")) return "write it to /domainname instead";
      return ["EACCES", "EPERM"].includes(errno)
        ? "this kernel lets only its own root change it: leave it out"
        : undefined;
    case step.USER:
      // user_namespaces(7): a map that newgidmap(1) has not written.
      if (operation === "setgroups" && errno === "EPERM") {
        return "leave additionalGids out, or have more group ids than one mapped (/linux/gidMappings)";
      }
      return errno === "EINVAL"
        ? "the id is not mapped: name one that is, or map it (/linux/uidMappings, /linux/gidMappings)"
        : undefined;
    case step.SECCOMP:
      return "leave the filter out, if you trust the program";
    default:
      return operation === "share mount" ? "mount a file system of its own there" : undefined;
  }
}

function stepHint(failure: MonitorFailure): string | undefined {
  const op = failure.step?.op;
  const errno = errnoName(failure.errno);
  switch (op) {
    case step.CHDIR:
      return errno === "ENOENT"
        ? "the working directory does not exist in the image: make it, or choose another with -w"
        : "choose another working directory with -w";
    case step.HOST_USER:
      return appendHint;
    case step.USER:
      if (failure.operation.startsWith("append")) return appendHint;
      return errno === "EINVAL"
        ? "the id is not mapped: use one that --explain prints, such as root's with -u 0, or have more " +
            "ids mapped (tsman doctor says how)"
        : "name a user and group that are in the image's /etc/passwd and /etc/group, or numbers";
    case step.ROOT_OVERLAY:
      return errno === "EPERM" || errno === "EINVAL"
        ? "this kernel or file system refuses an overlay here: tsman doctor says what works instead"
        : undefined;
    case step.BIND:
    case step.MOUNT:
      // pid_namespaces(7)
      if (errno === "EPERM" && failure.object.startsWith("proc on ")) return procHint;
      if (errno === "EPERM" && failure.object.startsWith("sysfs on ")) return sysfsHint;
      return errno === "ELOOP"
        ? "a part of the target is a symbolic link, which is refused in /proc, /sys and /dev"
        : undefined;
    case step.CAPS:
      return errno === "EPERM"
        ? "nobody gives what he does not have: compare with CapPrm of /proc/self/status; a user namespace has all of them"
        : undefined;
    case step.LABEL:
      return errno === "ENOENT"
        ? "root loads it, with apparmor_parser -r FILE; or leave it out"
        : undefined;
    case step.SECCOMP:
      return "leave the filter out with --security-opt seccomp=unconfined, if you trust the program";
    default:
      if (failure.operation === "parse plan") {
        return "rebuild tsman: its native program and its TypeScript do not belong together";
      }
      if (failure.operation === "open" && errno === "ENOENT") {
        return failure.stage === "stage 1" || failure.stage === "monitor"
          ? "the path must exist on this host"
          : missingInContainer(failure.object);
      }
      if (failure.operation === "write pid file") {
        return "make its directory first, one that you may write to, or name another file with --pidfile";
      }
      if (failure.operation === "share mount") {
        return `give the container a ${failure.object} of its own: --tmpfs ${failure.object}`;
      }
      if (failure.operation === "verify") {
        return "the kernel, or a system call filter that tsman was started with, ignores what it is told: tsman doctor";
      }
      if (errno === "ENOSPC") return "the disk, or a limit of the kernel, is used up: tsman doctor";
      return undefined;
  }
}
