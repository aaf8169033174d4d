import { compileResources } from "../../bundle/resources.ts";
import { changeLimits } from "../../cgroup/change-limits.ts";
import { compileLimits } from "../../cgroup/compile-limits.ts";
import { type LimitOptions, mergedLimits } from "../../container/limits.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { groupInForce } from "./container-cgroup.ts";
import { containerState, isUp } from "./find-container.ts";

/**
 * Puts changed limits in force for a container that is up; for any other only looks whether they can
 * be meant.
 *
 * @throws TsmanError USAGE, PREFLIGHT_CGROUP; then the limits are what they were.
 */
export function updateLimits(
  context: EngineContext,
  record: ContainerRecord,
  changes: LimitOptions,
): void {
  const settingsOf = (limits: LimitOptions | undefined) =>
    compileLimits(compileResources(limits, false) ?? {});
  try {
    const before = settingsOf(record.options.limits);
    const after = settingsOf(mergedLimits(record.options.limits, changes));
    if (record.options.cgroup?.mode === "disabled") {
      throw new TsmanError("USAGE", "it is to have no control group (--cgroups disabled)", {
        hint: "make it anew: tsman container clone",
      });
    }
    if (!isUp(containerState(context, record))) return;
    const group = groupInForce(context, record.id);
    if (group === undefined) {
      throw new TsmanError("PREFLIGHT_CGROUP", "it runs without a control group of its own", {
        hint: "see tsman doctor for why; stop it first to change what its next start asks for",
      });
    }
    changeLimits(group.path, before, after);
  } catch (error) {
    throw isTsmanError(error) ? error.within(`update container ${record.name}`) : error;
  }
}
