import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { VolumeNeed } from "../../bundle/user-mounts.ts";
import type { ContainerOptions } from "../../container/options.ts";
import { TsmanError } from "../../errors/index.ts";
import { isErrno, toFileError } from "../../platform/errno.ts";
import { nativeProgram } from "../../platform/native.ts";
import type { PreparedNamespaces } from "../../platform/prepared-namespaces.ts";
import { encodeLaunch } from "../../runtime/encode.ts";
import type { LaunchPlan } from "../../runtime/launch-plan.ts";
import type { CreateIo, HandOver } from "../types.ts";

/**
 * Lets the native session take the place of this process (native/session.h), with a plan that has a
 * SESSION setting; returns only when the system refuses that, with nothing changed.
 *
 * @param id of the container or exec session: what the session prints, or asks about later.
 * @param runDir the private directory that the plan is handed over in.
 * @param prepared of the plan's PREPARED setting.
 * @throws TsmanError USAGE when the plan cannot be encoded, DISK_FULL and the like.
 */
export function handOver(
  plan: LaunchPlan,
  id: string,
  runDir: string,
  to: HandOver,
  prepared?: PreparedNamespaces,
): void {
  const file = path.join(runDir, "launch");
  const frame = encodeLaunch(plan);
  try {
    writeFileSync(file, frame, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw toFileError(error, `write ${file}`);
    const why = `start container ${id.slice(0, 12)}: another command has removed it`;
    throw new TsmanError("CONTAINER_NOT_FOUND", why, { cause: error, details: { id } });
  }
  const args = ["tsman", "session", file, id, ...to.commandLine];
  to.replaceProcess(nativeProgram(), args, prepared?.descriptor);
  rmSync(file, { force: true });
}

/**
 * Throws what has aborted a start, before it is handed over.  Asks for the signal last: Node takes a
 * millisecond to make its first one.
 */
export function assertWanted(io: CreateIo, to: HandOver): void {
  if (to.isInterrupted()) io.signal?.throwIfAborted();
}

/**
 * Whether the native session can see such a container to its end: it removes no volumes, and writes
 * nobody's pid.
 */
export function mayHandOver(options: ContainerOptions, volumes: readonly VolumeNeed[]): boolean {
  const hasOwnVolumes = volumes.some((volume) => volume.name === undefined);
  if (options.logDriver === "passthrough" || options.monitorPidFile !== undefined) return false;
  return !(options.remove && hasOwnVolumes);
}

/** The words of a SESSION setting. */
export function sessionWords(to: HandOver, isDetached: boolean): string {
  return [to.proxiesSignals && "proxy", to.isTyped && "raw", isDetached && "id"]
    .filter((word) => word !== false)
    .join(",");
}
