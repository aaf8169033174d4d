import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
} from "node:fs";
import path from "node:path";
import process from "node:process";
import type { ContainerOptions } from "../container/options.ts";
import { loginName } from "../platform/login-name.ts";
import type { CgroupLayout, HostFacts } from "./bundle.ts";
import { isFullyVisible, parseMountinfo } from "./mountinfo.ts";

/** A kernel that does not say: CAP_CHECKPOINT_RESTORE, Linux 5.9. */
const assumedLastCapability = 40;
/** Deeper trees in /dev hold links only. */
const maxDeviceDepth = 4;
const maxDevices = 512;

/** Reads what a bundle depends on; cheap, since every `run` does it. */
export function readHostFacts(
  options: Pick<ContainerOptions, "privileged" | "devices" | "userns">,
): HostFacts {
  const limits = parseLimits(readText("/proc/self/limits"));
  const mounts = parseMountinfo(readText("/proc/self/mountinfo"));
  return {
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    userName: options.userns.mode === "keep-id" ? loginName() : undefined,
    // Not of node:os: every start would load it.
    hostname: readText("/proc/sys/kernel/hostname").trim(),
    cgroup: cgroupLayout(),
    canMountProc: isFullyVisible(mounts, "proc"),
    canMountSysfs: isFullyVisible(mounts, "sysfs"),
    // proc_pid_status(5): 2 is SECCOMP_MODE_FILTER.
    isFiltered: /^Seccomp:\s*2$/m.test(readText("/proc/self/status")),
    hasMqueue: existsSync("/dev/mqueue"),
    hasShm: existsSync("/dev/shm"),
    lastCapability: parseLastCapability(readText("/proc/sys/kernel/cap_last_cap")),
    nofileLimit: limits.nofile,
    nprocLimit: limits.nproc,
    thermalThrottlePaths: thermalThrottlePaths(),
    securityModules: readText("/sys/kernel/security/lsm").trim().split(",").filter(Boolean),
    reachableDevices: options.privileged ? reachableDevices() : [],
    deviceNodes: Object.fromEntries(
      options.devices.map(({ hostPath }) => [hostPath, listDeviceNodes(hostPath)]),
    ),
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function parseLastCapability(text: string): number {
  const number = Number.parseInt(text, 10);
  return number >= 0 && number < 64 ? number : assumedLastCapability;
}

/** Hard limits of proc_pid_limits(5); infinity, or no answer, as -1. */
export function parseLimits(text: string): { nofile: number; nproc: number } {
  const hard = (name: string): number => {
    const match = new RegExp(`^${name} +\\S+ +(\\S+)`, "m").exec(text);
    return match?.[1] === undefined || match[1] === "unlimited" ? -1 : Number(match[1]);
  };
  return { nofile: hard("Max open files"), nproc: hard("Max processes") };
}

function cgroupLayout(): CgroupLayout {
  if (existsSync("/sys/fs/cgroup/cgroup.controllers")) return "unified";
  return existsSync("/sys/fs/cgroup") ? "legacy" : "none";
}

function thermalThrottlePaths(): string[] {
  const base = "/sys/devices/system/cpu";
  // All processors have it or none has: one look spares most machines the rest.
  if (!existsSync(`${base}/cpu0/thermal_throttle`)) return [];
  return readdirSync(base)
    .filter((name) => /^cpu\d+$/.test(name))
    .map((name) => `${base}/${name}/thermal_throttle`)
    .filter((candidate) => existsSync(candidate));
}

/** Device nodes at (`""`) or below a path of the host, relative to it. */
function listDeviceNodes(hostPath: string): string[] {
  const nodes: string[] = [];
  const visit = (relative: string, depth: number): void => {
    const full = path.join(hostPath, relative);
    let stat: ReturnType<typeof lstatSync>;
    try {
      stat = lstatSync(full);
    } catch {
      return;
    }
    // A device given by a link, /dev/disk/by-id/…, is the device; links in a directory are not.
    const isLinkToDevice = relative === "" && stat.isSymbolicLink() && isDevice(full);
    if (stat.isCharacterDevice() || stat.isBlockDevice() || isLinkToDevice) nodes.push(relative);
    if (!stat.isDirectory() || depth >= maxDeviceDepth) return;
    for (const name of readdirOrNothing(full)) {
      if (nodes.length >= maxDevices) return;
      visit(relative === "" ? name : `${relative}/${name}`, depth + 1);
    }
  };
  visit("", 0);
  return nodes;
}

function isDevice(link: string): boolean {
  try {
    const stat = statSync(link);
    return stat.isCharacterDevice() || stat.isBlockDevice();
  } catch {
    return false;
  }
}

function readdirOrNothing(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Trees in /dev that the container has of its own. */
const ownTrees = ["pts", "shm", "mqueue", "fd"];

/** Every device node that the caller may open for reading or writing. */
function reachableDevices(): string[] {
  return listDeviceNodes("/dev")
    .filter((node) => !ownTrees.includes(node.split("/")[0] ?? ""))
    .map((node) => `/dev/${node}`)
    .filter((node) => mayOpen(node, constants.R_OK) || mayOpen(node, constants.W_OK));
}

function mayOpen(node: string, mode: number): boolean {
  try {
    accessSync(node, mode);
    return true;
  } catch {
    return false;
  }
}
