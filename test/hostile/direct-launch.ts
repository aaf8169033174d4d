import { copyFileSync, mkdirSync, symlinkSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { type PlanRecord, settingRecord, stepRecord } from "../../src/runtime/launch-plan.ts";
import { type MonitorRequest, startMonitor } from "../../src/runtime/monitor-client.ts";
import type { MonitorHandle } from "../../src/runtime/monitor-handle.ts";
import { protocolVersion } from "../../src/runtime/protocol.ts";
import { SlotTable } from "../../src/runtime/slots.ts";

/** A plan that is handed to the native program itself: for what has to be done hundreds of times. */
export interface DirectLaunch {
  /** The root: a directory with a busybox in /bin. */
  readonly rootfs: string;
  readonly command: readonly string[];
  /** Further settings. */
  readonly settings?: readonly PlanRecord[];
  /** Steps between /proc and PIVOT; a slot is `slots.open(path, "any", "test")`. */
  readonly steps?: (slots: SlotTable) => readonly PlanRecord[];
  /** Steps between PIVOT and the program. */
  readonly process?: readonly PlanRecord[];
  /** Missing: 0. */
  readonly user?: string;
  /** What is made; missing: user, mount and pid. */
  readonly namespaces?: readonly string[];
  readonly stdio?: MonitorRequest["stdio"];
}

const because = "test";

/** The records of the plan: the shortest in which the attacked steps stand as they do in `run`. */
export function directPlan(launch: DirectLaunch): PlanRecord[] {
  const slots = new SlotTable();
  // Written directly, which is faster than newuidmap.
  const map = (name: "UID_MAP" | "GID_MAP", kind: "uid" | "gid") =>
    settingRecord(name, ["0", String(userInfo()[kind]), "1"], because);
  const namespaces = launch.namespaces ?? ["user", "mount", "pid"];
  // Without a mount namespace of its own it has a root already.
  const root = namespaces.includes("mount")
    ? [
        stepRecord("PROPAGATION", ["rprivate"], because),
        stepRecord("ROOT_BIND", [slots.open(launch.rootfs, "dir", because)], because),
        stepRecord("ENTER_ROOT", [], because),
        stepRecord("MOUNT", ["proc", "proc", "/proc", "nosuid,nodev", "", "nosymlink"], because),
        ...(launch.steps?.(slots) ?? []),
        stepRecord("PIVOT", [], because),
      ]
    : [];
  const steps = [
    ...root,
    ...(launch.process ?? []),
    stepRecord("USER", [launch.user ?? "0", "", "", "", ""], because),
    stepRecord("CHDIR", ["/", "0"], because),
    stepRecord("ENV", ["PATH=/bin"], because),
    stepRecord("EXEC", launch.command, because),
  ];
  return [
    settingRecord("VERSION", [String(protocolVersion)], because),
    settingRecord("ID", ["hostile"], because),
    settingRecord("UNSHARE", namespaces, because),
    ...(namespaces.includes("user") ? [map("UID_MAP", "uid"), map("GID_MAP", "gid")] : []),
    settingRecord("SETGROUPS_DENY", [], because),
    settingRecord("FOREGROUND", [], because),
    ...slots.records,
    ...(launch.settings ?? []),
    ...steps,
  ];
}

/** Starts the plan's monitor. */
export async function launchDirectly(launch: DirectLaunch): Promise<MonitorHandle> {
  return await startMonitor({
    plan: { records: directPlan(launch) },
    stdio: launch.stdio ?? { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
  });
}

/** Makes a root for {@link directPlan}: a directory with the host's static busybox. */
export function makeRootfs(directory: string): string {
  for (const name of ["bin", "proc", "tmp"]) mkdirSync(join(directory, name), { recursive: true });
  copyFileSync("/bin/busybox", join(directory, "bin/busybox"));
  for (const name of ["sh", "cat", "true", "sleep"]) {
    symlinkSync("busybox", join(directory, "bin", name));
  }
  return directory;
}
