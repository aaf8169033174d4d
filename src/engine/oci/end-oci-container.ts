import { isAlive } from "../../container/liveness.ts";
import { endOrphan } from "../../container/orphan.ts";
import { signalProcesses } from "../../container/process/signal-processes.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { isErrno, toFileError } from "../../platform/errno.ts";
import { findGroup } from "../containers/container-cgroup.ts";
import {
  getDamagedContainer,
  getOciContainer,
  type OciContainer,
  readConfigOf,
  removeDirectory,
  sweepRoot,
} from "./container-directory.ts";
import { endProcesses } from "./end-processes.ts";
import { runPoststop } from "./hooks.ts";
import { removeOciGroup } from "./oci-group.ts";
import { processesOf } from "./oci-processes.ts";
import type { OciContext } from "./oci-types.ts";

/**
 * `kill`: a signal to the container's first process, or to all of them, which may be there without
 * it in a pid namespace that is not the container's own.
 *
 * @param signal 0: none, only whether it runs.
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING when it is stopped
 */
export function killOciContainer(
  context: OciContext,
  id: string,
  signal: number,
  all: boolean,
): void {
  const container = getOciContainer(context, id);
  const { init, status, record } = container;
  const mayRemain = all && status === "stopped" && !record.hasOwnPids;
  if ((init === undefined || status === "creating") && !mayRemain) {
    throw new TsmanError("CONTAINER_NOT_RUNNING", `kill container ${id}: container not running`, {
      hint: `its state is ${status}: tsman-oci state ${id}`,
      details: { id },
    });
  }
  const first = (): readonly number[] => (init !== undefined && isAlive(init) ? [init.pid] : []);
  signalProcesses(all ? () => processesOf(container) : first, signal);
}

/** Removes what is left of containers whose `create` was killed. */
export async function removeAbandoned(context: OciContext): Promise<void> {
  for (const directory of sweepRoot(context)) {
    const group = findGroup(directory);
    if (removeDirectory(directory)) await removeOciGroup(group);
  }
}

/**
 * `delete`: what is left of a container.
 *
 * @param force ends it first, and takes one that does not exist as deleted.
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_RUNNING
 */
export async function deleteOciContainer(
  context: OciContext,
  id: string,
  force: boolean,
): Promise<void> {
  let container: OciContainer;
  await removeAbandoned(context);
  try {
    container = getOciContainer(context, id);
  } catch (error) {
    if (force && isTsmanError(error, "STORE_CORRUPT")) return await deleteDamaged(context, id);
    if (force && isTsmanError(error, "CONTAINER_NOT_FOUND")) return;
    throw error;
  }
  const { init, status, directory, record } = container;
  if (init !== undefined) {
    if (!force) {
      throw new TsmanError(
        "CONTAINER_RUNNING",
        `delete container ${id}: it is not stopped: it is ${status}`,
        { hint: `end it first, or: tsman-oci delete --force ${id}`, details: { id } },
      );
    }
    await endProcesses({ ...container, init });
  }
  const group = findGroup(directory);
  const config = record.hooks.poststop ? readConfigIfThere(directory) : undefined;
  if (!removeDirectory(directory)) return;
  await removeOciGroup(group);
  if (config === undefined) return;
  const { parseRuntimeConfig } = await import("../../oci/runtime-config.ts");
  await runPoststop(context, parseRuntimeConfig(config, "config.json").hooks, record);
}

/** Another command may have deleted the container meanwhile. */
function readConfigIfThere(directory: string): Uint8Array | undefined {
  try {
    return readConfigOf(directory);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw toFileError(error, `read ${directory}`);
  }
}

/** Whether it has hooks for its end nobody knows any more. */
async function deleteDamaged(context: OciContext, id: string): Promise<void> {
  const { directory, init } = getDamagedContainer(context, id);
  if (init !== undefined) endOrphan(init);
  const group = findGroup(directory);
  if (removeDirectory(directory)) await removeOciGroup(group);
}
