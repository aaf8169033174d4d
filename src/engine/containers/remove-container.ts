import { rmSync } from "node:fs";
import { sendMonitorCommand } from "../../container/monitor-control.ts";
import { TsmanError } from "../../errors/index.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import { containerEvent } from "./container-events.ts";
import { containerState, getContainer } from "./find-container.ts";
import { waitForExit } from "./wait-for-exit.ts";

const sigkill = 9;

/** How {@link removeContainer} goes about it. */
export interface RemoveOptions {
  /** Kill it first if it runs. */
  readonly force?: boolean | undefined;
  /** Remove its anonymous volumes too. */
  readonly volumes?: boolean | undefined;
}

/**
 * Removes a container with all that belongs to it.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_RUNNING
 */
export async function removeContainer(
  context: EngineContext,
  nameOrId: string,
  options: RemoveOptions = {},
): Promise<void> {
  const record = getContainer(context, nameOrId);
  if (containerState(context, record).status === "running") {
    if (!options.force) {
      throw new TsmanError("CONTAINER_RUNNING", `remove container ${record.name}: it is running`, {
        hint: `stop it first, or remove it all the same with: tsman rm --force ${record.name}`,
        details: { container: record.id },
      });
    }
    const runDir = context.store.containers.runDir(record.id);
    sendMonitorCommand(runDir, { kind: "stop", signal: sigkill, milliseconds: 0 });
    await waitForExit(context, record);
  }
  await discardContainer(context, record, { volumes: options.volumes });
}

/**
 * Removes what a container that does not run has left.  The record goes last: whoever is killed in
 * between leaves a container that can be removed again.
 */
export async function discardContainer(
  context: EngineContext,
  record: ContainerRecord,
  options: Pick<RemoveOptions, "volumes"> = {},
): Promise<void> {
  const { containers, volumes } = context.store;
  if (options.volumes) {
    for (const name of record.anonymousVolumes) {
      await discardTree(context, volumes.dir(name));
      volumes.remove(name);
    }
  }
  rmSync(containers.runDir(record.id), { recursive: true, force: true });
  await discardTree(context, containers.dir(record.id));
  if (containers.remove(record.id)) context.events.emit(containerEvent("remove", record));
  context.store.ensureReserve();
}
