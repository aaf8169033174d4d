import path from "node:path";
import { writeSettings } from "./group.ts";
import type { GroupSetting } from "./group-setting.ts";
import { readWords } from "./hierarchy.ts";
import { missingController } from "./remedy.ts";

/**
 * Changes the limits of a group whose processes run; whatever fails, they are what they were.
 *
 * @param before what is in force.
 * @param after what is to be; what is in both is left alone.
 * @throws TsmanError PREFLIGHT_CGROUP, USAGE
 */
export function changeLimits(
  group: string,
  before: readonly GroupSetting[],
  after: readonly GroupSetting[],
): void {
  const isIn = (list: readonly GroupSetting[], { file, value }: GroupSetting): boolean =>
    list.some((one) => one.file === file && one.value === value);
  const changes = after.filter((setting) => !isIn(before, setting));
  const available = readWords(path.join(group, "cgroup.controllers"));
  for (const { controller, file } of changes) {
    if (controller !== "cgroup" && !available.includes(controller)) {
      throw missingController(controller, file, available);
    }
  }
  try {
    writeSettings(group, changes);
  } catch (error) {
    const files = new Set(changes.map(({ file }) => file));
    for (const setting of before.filter(({ file }) => files.has(file))) {
      try {
        writeSettings(group, [setting]);
      } catch {
        // It was in force a moment ago; the first reason is the one to know.
      }
    }
    throw error;
  }
}
