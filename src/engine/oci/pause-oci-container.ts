import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { TsmanError } from "../../errors/index.ts";
import { findGroup } from "../containers/container-cgroup.ts";
import {
  getOciContainer,
  type OciContainer,
  pausedName,
  stoppedName,
} from "./container-directory.ts";
import { processesOf } from "./oci-processes.ts";
import type { OciContext, OciStatus } from "./oci-types.ts";

/**
 * `pause`: freezes all processes of a container, or, without a control group, stops them.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, RUNTIME_FAILED
 */
export async function pauseOciContainer(context: OciContext, id: string): Promise<void> {
  const container = wanted(context, id, "pause", "running");
  const { directory } = container;
  const group = findGroup(directory);
  if (group === undefined) {
    const { stopProcesses } = await import("../../container/process/stopped-processes.ts");
    await stopProcesses(() => processesOf(container), path.join(directory, stoppedName));
  } else {
    const { setFrozen } = await import("../../cgroup/freezer.ts");
    await setFrozen(group.path, true);
  }
  writeFileSync(path.join(directory, pausedName), "", { mode: 0o600 });
}

/**
 * `resume`: lets them go on.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING when it is not paused
 */
export async function resumeOciContainer(context: OciContext, id: string): Promise<void> {
  const container = wanted(context, id, "resume", "paused");
  const { directory } = container;
  const group = findGroup(directory);
  if (group === undefined) {
    const { resumeProcesses } = await import("../../container/process/stopped-processes.ts");
    await resumeProcesses(() => processesOf(container), path.join(directory, stoppedName));
  } else {
    const { setFrozen } = await import("../../cgroup/freezer.ts");
    await setFrozen(group.path, false);
  }
  rmSync(path.join(directory, pausedName), { force: true });
}

function wanted(context: OciContext, id: string, verb: string, status: OciStatus): OciContainer {
  const container = getOciContainer(context, id);
  if (container.status === status && container.init !== undefined) {
    return container;
  }
  throw new TsmanError(
    "CONTAINER_NOT_RUNNING",
    `${verb} container ${id}: it is ${container.status}, not ${status}`,
    { hint: `its state: tsman-oci state ${id}`, details: { id } },
  );
}
