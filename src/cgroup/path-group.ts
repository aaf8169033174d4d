import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { toFileError } from "../platform/errno.ts";
import { type ContainerGroup, mayMove } from "./container-group.ts";
import { enableControllers, makeGroup, removeGroup, writeSettings } from "./group.ts";
import type { GroupSetting } from "./group-setting.ts";
import { cgroupRoot, groupOf, isDelegated, readWords } from "./hierarchy.ts";
import { missingController, noGroups } from "./remedy.ts";

/**
 * Makes an empty control group at a path that somebody else has chosen, `linux.cgroupsPath`, with
 * those above it.
 *
 * @param place below the root of the hierarchy.
 * @throws TsmanError PREFLIGHT_CGROUP, USAGE for a value that the kernel refuses
 */
export function makeGroupAt(place: string, settings: readonly GroupSetting[]): ContainerGroup {
  const group = path.join(cgroupRoot, path.normalize(`/${place}`));
  if (group === cgroupRoot) throw noGroups("its path is the root of all", "name another");
  const own = groupOf("self");
  let above = path.dirname(group);
  const missing: string[] = [];
  while (!existsSync(above)) {
    missing.unshift(above);
    above = path.dirname(above);
  }
  if (!isDelegated(above)) throw noGroups(`${above} is not yours`, "choose a path in one that is");
  if (own === undefined || !mayMove(own, above)) {
    throw noGroups(
      `processes may not be moved from ${own ?? "the own one"} to ${group}`,
      "start the container in a group below the same parent that is yours",
    );
  }
  enableControllers(above);
  for (const directory of missing) {
    try {
      mkdirSync(directory, { recursive: true });
    } catch (error) {
      throw toFileError(error, `make control group ${directory}`);
    }
    enableControllers(directory);
  }
  const available = readWords(path.join(path.dirname(group), "cgroup.subtree_control"));
  for (const { controller, file, isImplied } of settings) {
    if (controller === "cgroup" || isImplied || available.includes(controller)) continue;
    throw missingController(controller, file, available);
  }
  makeGroup(group);
  try {
    writeSettings(
      group,
      settings.filter(
        ({ controller }) => controller === "cgroup" || available.includes(controller),
      ),
    );
  } catch (error) {
    removeGroup(group);
    throw error;
  }
  return { path: group, unit: undefined };
}
