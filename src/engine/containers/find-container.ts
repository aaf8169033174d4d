import { isFrozen } from "../../cgroup/freezer.ts";
import { assertContainerName } from "../../container/names.ts";
import { endOrphan } from "../../container/orphan.ts";
import { type ContainerState, readContainerState } from "../../container/state.ts";
import { TsmanError } from "../../errors/index.ts";
import { bootId } from "../../platform/boot-id.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { findGroup, forgetGroup } from "./container-cgroup.ts";

/** Name of a container's log in `containers/<id>`. */
export const logFileName = "ctr.log";

/** Name of the OCI runtime configuration in `containers/<id>`. */
export const configFileName = "config.json";

/**
 * The container of that name, id or unique beginning of an id.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, NAME_INVALID
 */
export function getContainer(context: EngineContext, nameOrId: string): ContainerRecord {
  const record = context.store.containers.find(nameOrId);
  if (record !== undefined) return record;
  // Not just absent: no container can be called so (security case S32).
  assertContainerName(nameOrId);
  throw new TsmanError(
    "CONTAINER_NOT_FOUND",
    `find container ${JSON.stringify(nameOrId)}: no such container`,
    {
      hint: "list them with: tsman ps --all",
      details: { container: nameOrId },
    },
  );
}

/** The truth about a container, now; what a killed monitor has left of it is ended first. */
export function containerState(context: EngineContext, record: ContainerRecord): ContainerState {
  const { containers } = context.store;
  const state = readContainerState({
    dir: containers.dir(record.id),
    runDir: containers.runDir(record.id),
    bootId: record.bootId,
    currentBootId: bootId(),
  });
  if (state.status === "exited" && state.exit === undefined) {
    if (state.orphan !== undefined) endOrphan(state.orphan);
    forgetGroup(containers.runDir(record.id));
  }
  if (state.status !== "running") return state;
  const group = findGroup(containers.runDir(record.id));
  return group !== undefined && isFrozen(group.path) ? { ...state, status: "paused" } : state;
}

/**
 * Refuses what a paused container cannot do.
 *
 * @param what verb and object: `stop container web`
 * @throws TsmanError CONTAINER_PAUSED
 */
export function assertNotPaused(
  state: ContainerState,
  record: ContainerRecord,
  what: string,
): void {
  if (state.status !== "paused") return;
  throw new TsmanError("CONTAINER_PAUSED", `${what}: it is paused`, {
    hint: `let it go on first: tsman unpause ${record.name}`,
    details: { container: record.id },
  });
}

/** Whether a container has processes, be they paused. */
export function isUp(
  state: ContainerState,
): state is Extract<ContainerState, { status: "running" | "paused" }> {
  return state.status === "running" || state.status === "paused";
}
