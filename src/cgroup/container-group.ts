import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { isErrno } from "../platform/errno.ts";
import {
  enableControllers,
  makeGroup,
  moveProcesses,
  removeGroup,
  writeSettings,
} from "./group.ts";
import type { GroupSetting } from "./group-setting.ts";
import { baseOf, callersName, cgroupRoot, groupOf, isDelegated, isUnified } from "./hierarchy.ts";
import { missingController, noGroups } from "./remedy.ts";
import { managerSockets, SystemdManager } from "./systemd.ts";

/** What {@link makeContainerGroup} takes. */
export interface GroupRequest {
  /** The container's. */
  readonly id: string;
  readonly name: string;
  /** From {@link import("./compile-limits.ts").compileLimits}. */
  readonly settings: readonly GroupSetting[];
  /**
   * A slice of systemd's (`NAME.slice`), or the path of a group as of cgroups(7); missing: Podman's,
   * `user.slice`, or the group that `pid` is in.
   */
  readonly parent?: string | undefined;
  /**
   * Nothing is moved out of the group that `pid` is in, as this value of `--cgroups` says: systemd is
   * not asked.
   */
  readonly staysHere?: "split" | "no-conmon" | undefined;
  /** Name of the scope, `NAME.scope`; missing: one of tsman's. */
  readonly scope?: string | undefined;
  /**
   * The process that starts the container's first one, or is to become an ancestor of that: it is
   * moved to where it may move others into the new group.
   */
  readonly pid: number;
  /** Limits whose controllers were not handed to this user are left out. */
  readonly isBestEffort?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A container's control group. */
export interface ContainerGroup {
  /** Where its files are. */
  readonly path: string;
  /** The scope that systemd made for it. */
  readonly unit: string | undefined;
}

/** Of a scope: the groups in it. */
const supervisorName = "monitor";
const payloadName = "container";

/**
 * Makes an empty control group for a container with its limits, by systemd's manager of this user
 * where that runs, else in the group that the caller is in.
 *
 * @throws TsmanError PREFLIGHT_CGROUP where neither is possible, or a limit's controller was not
 * handed to this user; the hint names the remedy.  USAGE for a value that the kernel refuses.
 * @returns the group, and the limits that were left out.
 */
export async function makeContainerGroup(
  request: GroupRequest,
): Promise<ContainerGroup & { readonly left: readonly GroupSetting[] }> {
  if (!isUnified()) {
    throw noGroups(
      existsSync(cgroupRoot)
        ? "this host has version 1 of control groups, which cannot be handed to users"
        : "there is no /sys/fs/cgroup",
      "boot with systemd.unified_cgroup_hierarchy=1 on the kernel command line",
    );
  }
  const { base, payload, unit } = await findPlace(request);
  const available = enableControllers(base);
  const left: GroupSetting[] = [];
  const settings = request.settings.filter((setting) => {
    const { controller, file, isImplied } = setting;
    if (controller === "cgroup" || available.includes(controller)) return true;
    if (isImplied) return false;
    if (request.isBestEffort !== true) throw missingController(controller, file, available);
    left.push(setting);
    return false;
  });
  const group = path.join(base, payload);
  makeGroup(group);
  try {
    writeSettings(group, settings);
  } catch (error) {
    removeGroup(group);
    throw error;
  }
  return { path: group, unit, left };
}

interface Place {
  readonly base: string;
  readonly payload: string;
  readonly unit: string | undefined;
}

async function findPlace(request: GroupRequest): Promise<Place> {
  const { id, pid, parent, staysHere } = request;
  const own = groupOf(pid);
  const again = own === undefined ? undefined : ownScope(own, id);
  if (again !== undefined) return again;
  if (parent !== undefined && !isSlice(parent)) return placeBelow(parent, request, own);
  if (parent !== undefined && staysHere !== undefined) {
    throw noGroups(
      `systemd would move its monitor into ${parent} as well, and --cgroups ${staysHere} keeps that here`,
      "name a group by its path: --cgroup-parent /user.slice/…",
    );
  }
  const sockets = staysHere === undefined ? managerSockets() : [];
  if (sockets.length > 0) return await placeInScope(request, sockets);
  if (parent !== undefined) {
    throw noGroups(`${parent} is a slice, and systemd does not run for you`, "name no parent");
  }
  if (staysHere !== undefined && (own === undefined || !isDelegated(own))) {
    throw noGroups(
      `${own ?? "the own one"}, ${staysHere === "split" ? "which is to be split" : "in which its monitor is to stay"}, is not yours`,
      `leave --cgroups ${staysHere} out, or start tsman with systemd-run --user --scope -p Delegate=yes`,
    );
  }
  if (own === undefined || !isDelegated(baseOf(own))) {
    throw noGroups(
      `${own ?? "the own one"} is not yours, and systemd does not run for you`,
      "log in with a session of systemd's, or be started with Delegate=yes (systemd.resource-control(5))",
    );
  }
  const base = baseOf(own);
  moveProcesses(base, callersName);
  return { base, payload: `tsman-${id}`, unit: undefined };
}

/** systemd.slice(5): a name, not a path. */
function isSlice(parent: string): boolean {
  return parent.endsWith(".slice") && !parent.includes("/");
}

/** The scope that an earlier life of this very container has left its monitor in. */
function ownScope(own: string, id: string): Place | undefined {
  const base = path.dirname(own);
  const unit = path.basename(base);
  if (path.basename(own) !== supervisorName || !unit.startsWith(`tsman-${id}`)) return undefined;
  return unit.endsWith(".scope") ? { base, payload: payloadName, unit } : undefined;
}

function placeBelow(parent: string, { id }: GroupRequest, own: string | undefined): Place {
  const base = path.join(cgroupRoot, path.normalize(`/${parent}`));
  if (!isDelegated(base)) {
    throw noGroups(
      `${base} ${existsSync(base) ? "is not yours" : "is not there"}`,
      "name a group that is yours, or a slice: --cgroup-parent NAME.slice",
    );
  }
  if (own === undefined || !mayMove(own, base)) {
    throw noGroups(
      `processes may not be moved from ${own ?? "the own one"} to ${base}`,
      "start tsman in a group below the same parent that is yours",
    );
  }
  // With processes in it, it gives no controller to the one that is made in it.
  moveProcesses(base, callersName);
  return { base, payload: `tsman-${id}`, unit: undefined };
}

/**
 * Whether a process of one group may be moved into another: the nearest that both are below has to
 * be the mover's (cgroup-v2.rst, "Delegation Containment").
 */
export function mayMove(from: string, to: string): boolean {
  const target = to.split("/");
  const shared = from.split("/").filter((name, index, all) => {
    const before = all.slice(0, index + 1);
    return before.every((part, at) => part === target[at]) && name === target[index];
  });
  const ancestor = shared.join("/");
  return ancestor.startsWith(cgroupRoot) && isDelegated(ancestor);
}

async function placeInScope(
  { id, name, pid, parent, signal, scope: chosen }: GroupRequest,
  sockets: Parameters<typeof SystemdManager.connect>[0],
): Promise<Place> {
  await using manager = await SystemdManager.connect(sockets, signal);
  const scope = {
    description: `tsman container ${name}`,
    slice: parent ?? (process.geteuid?.() === 0 ? "machine.slice" : "user.slice"),
    pids: [pid],
  };
  let unit = chosen ?? `tsman-${id}.scope`;
  try {
    await manager.startScope({ ...scope, name: unit });
  } catch (error) {
    if ((error as { errorName?: string }).errorName !== "org.freedesktop.systemd1.UnitExists") {
      throw refused(error);
    }
    // That of an earlier life goes when its last process is gone.
    unit = `tsman-${id}-${pid}.scope`;
    await manager.startScope({ ...scope, name: unit }).catch((again: unknown) => {
      throw refused(again);
    });
  }
  const base = groupOf(pid);
  if (base === undefined || path.basename(base) !== unit || !isDelegated(base)) {
    throw noGroups(
      `systemd has started ${unit}, which is not to be seen in ${cgroupRoot}`,
      "is this a container with the socket of another system's systemd? Leave that out",
    );
  }
  moveProcesses(base, supervisorName);
  return { base, payload: payloadName, unit };
}

function refused(error: unknown): unknown {
  if (isErrno(error, "ENOENT") || !(error instanceof Error) || !("errorName" in error))
    return error;
  return noGroups(`systemd refuses it: ${error.message}`, "see: journalctl --user --lines 20");
}

/**
 * Lets a process move others into the group of a container that runs.
 *
 * @throws TsmanError PREFLIGHT_CGROUP
 */
export async function admitTo(
  { path: group, unit }: ContainerGroup,
  pid: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const own = groupOf(pid);
  if (own !== undefined && mayMove(own, group)) return;
  const sockets = managerSockets();
  if (unit === undefined || sockets.length === 0) {
    throw noGroups(
      `processes may not be moved from ${own ?? "the own one"} to ${group}`,
      "run this command where the container was started",
    );
  }
  await using manager = await SystemdManager.connect(sockets, signal);
  await manager.attach(unit, `/${supervisorName}`, [pid]).catch((error: unknown) => {
    throw refused(error);
  });
}
