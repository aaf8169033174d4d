import { writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { groupOwner } from "../../bundle/adopt/adopt-resources.ts";
import type { ContainerGroup } from "../../cgroup/container-group.ts";
import { type GroupSetting, isLimit } from "../../cgroup/group-setting.ts";
import { withoutBestEffort } from "../../cgroup/remedy.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { refused } from "../../oci/runtime-config.ts";
import type { LinuxResources } from "../../oci/runtime-spec.ts";
import { findGroup, rememberGroup } from "../containers/container-cgroup.ts";
import type { OciContext } from "./oci-types.ts";
import type { PreparedBundle } from "./prepare-bundle.ts";

/**
 * Makes the control group that a configuration asks for.
 *
 * @returns its directory; undefined where this caller can have none, and no limit was asked for: with
 *   a warning.
 * @throws TsmanError PREFLIGHT_CGROUP, USAGE, CONFIG_INVALID when a limit cannot be had
 */
export async function prepareOciGroup(
  context: OciContext,
  { config, bundle, deviceRules }: PreparedBundle,
  id: string,
  directory: string,
): Promise<string | undefined> {
  const { resources = {} } = bundle.config.linux;
  const place = config.linux.cgroupsPath ?? "";
  const settings = await settingsOf(resources);
  const isAsked =
    deviceRules.length > 0 ||
    (Object.keys(resources).length > 0 && (settings.length === 0 || settings.some(isLimit)));
  if (context.cgroupManager === "disabled") {
    if (!isAsked) return undefined;
    throw refused("/linux/resources", "no limit can be had with --cgroup-manager disabled");
  }
  if (place === "" && !isAsked) return undefined;
  try {
    const isScope = context.cgroupManager === "systemd" || place === "";
    const group = isScope
      ? await scopeGroup(context, id, place, settings)
      : (await import("../../cgroup/path-group.ts")).makeGroupAt(place, settings);
    rememberGroup(directory, group);
    const owner = groupOwner(config);
    // Whoever is not root has nothing to give away.
    if (owner !== undefined && owner !== 0 && process.geteuid?.() === 0) {
      (await import("../../cgroup/give-group.ts")).giveGroup(group.path, owner);
    }
    return group.path;
  } catch (error) {
    if (!isAsked && isTsmanError(error, "PREFLIGHT_CGROUP")) {
      context.onWarning(`config.json: /linux/cgroupsPath: there is no group: ${error.message}`);
      return undefined;
    }
    if (!isTsmanError(error) || error.code === "CONFIG_INVALID") throw error;
    throw inConfig(error);
  }
}

async function settingsOf(resources: LinuxResources): Promise<readonly GroupSetting[]> {
  if (Object.keys(resources).length === 0) return [];
  const { compileLimits } = await import("../../cgroup/compile-limits.ts");
  try {
    return compileLimits(resources).map((setting) => {
      // containerd names the kernel's default, which is in force without the controller as well.
      const isDefault = setting.file === "cpu.weight" && resources.cpu?.shares === defaultShares;
      return isDefault || !isLimit(setting) ? { ...setting, isImplied: true } : setting;
    });
  } catch (error) {
    throw isTsmanError(error) ? inConfig(error) : error;
  }
}

function inConfig(error: TsmanError): TsmanError {
  return new TsmanError(error.code, `use /linux/resources of config.json: ${error.message}`, {
    cause: error,
    hint: withoutBestEffort(error.hint),
    details: error.details,
  });
}

/** `SLICE:PREFIX:NAME`, runc's convention for systemd. */
async function scopeGroup(
  { signal }: OciContext,
  id: string,
  place: string,
  settings: Parameters<typeof import("../../cgroup/path-group.ts").makeGroupAt>[1],
): Promise<ContainerGroup> {
  const parts = place === "" ? ["", "tsman", id] : place.split(":");
  const [slice = "", prefix = "", name = ""] = parts;
  if (parts.length !== 3 || name === "") {
    throw refused("/linux/cgroupsPath", "is not SLICE:PREFIX:NAME, as --systemd-cgroup wants it");
  }
  const { makeContainerGroup } = await import("../../cgroup/container-group.ts");
  return await makeContainerGroup({
    id,
    name: id,
    settings,
    parent: slice === "" ? undefined : slice,
    scope: `${prefix === "" ? "" : `${prefix}-`}${name}.scope`,
    pid: process.pid,
    signal,
  });
}

/**
 * The control group of a container, for what cannot be done without.
 *
 * @throws TsmanError PREFLIGHT_CGROUP
 */
export function getOciGroup(directory: string, what: string): ContainerGroup {
  const group = findGroup(directory);
  if (group !== undefined) return group;
  throw new TsmanError("PREFLIGHT_CGROUP", `${what}: the container has no control group`, {
    hint: "set /linux/cgroupsPath of its config.json to a path that is yours, or a limit",
  });
}

/** Ends what is left in a container's group, and removes it. */
export async function removeOciGroup(group: ContainerGroup | undefined): Promise<void> {
  if (group === undefined) return;
  const { groupPids, removeGroup } = await import("../../cgroup/group.ts");
  const { signalProcesses } = await import("../../container/process/signal-processes.ts");
  for (let pass = 0; pass < removalPasses && !removeGroup(group.path); pass += 1) {
    try {
      writeFileSync(path.join(group.path, "cgroup.kill"), "1", { flag: "r+" });
    } catch {
      // Linux 5.14; or it is gone.
      signalProcesses(() => groupPids(group.path), sigkill);
    }
    await new Promise((resolve) => setTimeout(resolve, removalPause));
  }
}

/** Of cgroup v1, in which config.json counts. */
const defaultShares = 1024;

const sigkill = 9;
const removalPasses = 200;
/** Milliseconds. */
const removalPause = 5;
