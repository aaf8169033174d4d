import { existsSync } from "node:fs";
import os from "node:os";
import { readCgroupFacts } from "../../cgroup/facts.ts";
import { delegateRemedy } from "../../cgroup/remedy.ts";
import { environmentVariable } from "../../config/environment.ts";
import type { TsmanPaths } from "../../config/paths.ts";
import { filesystemType, isNetworkFilesystem } from "../../platform/filesystem-type.ts";
import { kernelHoles } from "./kernel-holes.ts";
import { broken, type DoctorCheck, limited, ok } from "./report.ts";

/** mount_setattr(2), with which a bind mount is made read-only throughout. */
const oldestKernel = [5, 12] as const;

/** The kernel's version, and what is known of it. */
export function checkKernel(): DoctorCheck {
  const release = os.release();
  const holes = kernelHoles();
  if (holes.length > 0) {
    return limited("kernel", "kernel", {
      found: `${release}: may have ${holes.map(({ cve, where }) => `${cve} (${where})`).join(", ")}`,
      consequence: "a program in a container may become root of this host, as every user of it may",
      remedy: "upgrade the kernel, unless its vendor says that this one has been mended",
    });
  }
  const [major = 0, minor = 0] = release.split(".").map((part) => Number.parseInt(part, 10));
  const [oldestMajor, oldestMinor] = oldestKernel;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) {
    return ok("kernel", "kernel", release);
  }
  return limited("kernel", "kernel", {
    found: `${release}; ${oldestKernel.join(".")} or later is what tsman is made for`,
    consequence: "read-only bind mounts with mounts below them, and native overlay, may be refused",
    remedy: "upgrade the kernel",
  });
}

/** Control groups, for limits. */
export function checkCgroups(): DoctorCheck {
  const facts = readCgroupFacts();
  const title = "control groups";
  if (facts.version !== "v2") {
    return limited("cgroups", title, {
      found: `cgroup ${facts.version}`,
      consequence: "limits of memory, CPU and processes cannot be set",
      remedy: "boot with systemd.unified_cgroup_hierarchy=1 on the kernel command line",
    });
  }
  const controllers = facts.controllers.join(" ") || "none";
  const found = `v2, ${facts.manager}, delegated: ${controllers}`;
  const missing = limitControllers.filter((name) => !facts.controllers.includes(name));
  if (facts.manager !== "none" && missing.length === 0) return ok("cgroups", title, found);
  const lacking =
    facts.manager === "none"
      ? "limits of memory, processors and processes cannot be set"
      : `there are no limits by ${missing.join(", ")}`;
  return limited("cgroups", title, {
    found: facts.manager === "none" ? `v2, ${facts.path ?? "the own group"} is not yours` : found,
    consequence: `${lacking}; --limits=best-effort takes rlimits instead`,
    remedy: delegateRemedy(),
  });
}

/** What limits need; `cpuset` and `io` are rarely delegated, and rarely wanted. */
const limitControllers = ["cpu", "memory", "pids"];

/** Where the volatile files are. */
export function checkRuntimeDir(paths: TsmanPaths): DoctorCheck {
  const type = filesystemType(existingParent(paths.runtimeDir));
  const title = "runtime directory";
  if (type === "tmpfs") return ok("runtime-dir", title, `${paths.runtimeDir} (tmpfs)`);
  // Liveness is proved by pid, start time and boot id, so nothing breaks.
  const given = ["TSMAN_RUNTIME_DIR", "XDG_RUNTIME_DIR"].map(environmentVariable);
  const isGiven = given.some((one) => one !== undefined && paths.runtimeDir.startsWith(one));
  const why = isGiven ? "" : "; $XDG_RUNTIME_DIR is not set, or not yours alone";
  return ok("runtime-dir", title, `${paths.runtimeDir} (${type}${why})`);
}

/** Where images and containers are. */
export function checkStoreFilesystem(paths: TsmanPaths): DoctorCheck {
  const at = existingParent(paths.root);
  const type = filesystemType(at);
  const title = "store";
  if (!isNetworkFilesystem(at)) return ok("store", title, `${paths.root} (${type})`);
  return broken(
    "store",
    title,
    {
      found: `${paths.root} is on a network file system (${type})`,
      consequence: "files of subordinate ids and overlay mounts are refused there",
      remedy: `put the store on a local disk: export TSMAN_ROOT=/var/tmp/tsman-${os.userInfo().uid}`,
    },
    true,
  );
}

/** Whether detached containers outlive the login session; loginctl(1), enable-linger. */
export function checkLinger(): DoctorCheck {
  const title = "after logout";
  if (!existsSync("/run/systemd/system")) {
    return ok("linger", title, "no systemd here: detached containers go on after logout");
  }
  const user = os.userInfo().username;
  if (existsSync(`/var/lib/systemd/linger/${user}`)) return ok("linger", title, "lingering is on");
  return limited("linger", title, {
    found: "lingering is off",
    consequence: "with KillUserProcesses=yes, detached containers end when you log out",
    remedy: `loginctl enable-linger ${user}`,
  });
}

function existingParent(directory: string): string {
  let at = directory;
  while (!existsSync(at)) at = at.slice(0, at.lastIndexOf("/")) || "/";
  return at;
}
