import { rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import type { ExitRecord } from "../../container/exit-record.ts";
import { readProcessIdentity } from "../../container/liveness.ts";
import { TsmanError } from "../../errors/index.ts";
import { type FileLock, tryLockFile } from "../../platform/file-lock.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { containerEvent } from "./container-events.ts";
import { containerState, getContainer, isUp } from "./find-container.ts";
import { nextLife } from "./next-life.ts";
import { removeContainer } from "./remove-container.ts";
import { startContainer } from "./start-container.ts";
import { stopContainer } from "./stop-container.ts";

/**
 * Does what is to be done when a container has ended: `--rm` removes it, a restart policy starts it
 * again.  Its monitor executes this when no other process of tsman is left to do so.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_RUNNING, and why it cannot be started again.
 */
export async function cleanUpContainer(
  context: EngineContext,
  nameOrId: string,
  options: { readonly remove?: boolean | undefined } = {},
): Promise<void> {
  const record = getContainer(context, nameOrId);
  const state = containerState(context, record);
  if (isUp(state)) {
    throw new TsmanError("CONTAINER_RUNNING", `clean up container ${record.name}: it is running`, {
      hint: `stop it first: tsman stop ${record.name}`,
      details: { container: record.id },
    });
  }
  if (record.options.remove || options.remove) {
    // As Podman does: with the container go the volumes that were made for it alone.
    await removeContainer(context, record.id, { volumes: true });
    return;
  }
  if (state.status !== "exited") return;
  try {
    await startAgain(context, record, state.exit);
  } finally {
    forgetMonitor(context, record);
  }
}

/** Where the restart policy says so. */
async function startAgain(
  context: EngineContext,
  record: ContainerRecord,
  exit: ExitRecord | undefined,
): Promise<void> {
  const session = await startContainer(
    context,
    record.id,
    // Nothing of this process: it is in the background.
    { stdin: 0, stdout: 1, stderr: 2 },
    {},
    { claim: (now) => nextLife(now, exit) },
  );
  if (session === undefined) return;
  session.release();
  context.events.emit(containerEvent("restart", record));
  // Somebody stopped it after the decision, when there was nothing to stop yet.
  const started = context.store.containers.find(record.id);
  if (started?.stoppedByUser === true) await stopContainer(context, record.id, {});
}

/**
 * The container's monitor that has become this process is its monitor no more.  Only under the lock:
 * the file of another one, which has just been written, must not go, since without it that one's
 * container passes for what a killed monitor has left.
 */
function forgetMonitor(context: EngineContext, record: ContainerRecord): void {
  const runDir = context.store.containers.runDir(record.id);
  if (readProcessIdentity(runDir, "monitor")?.pid !== process.pid) return;
  let lock: FileLock | undefined;
  try {
    lock = tryLockFile(context.store.containers.lockPath(record.id));
  } catch {
    // A removal has taken the directory away.
  }
  if (lock === undefined) return;
  try {
    if (readProcessIdentity(runDir, "monitor")?.pid !== process.pid) return;
    rmSync(path.join(runDir, "monitor"), { force: true });
  } finally {
    lock.release();
  }
}
