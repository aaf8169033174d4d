import path from "node:path";
import type { ExitRecord } from "../../container/exit-record.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { lockFile } from "../../platform/file-lock.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { containerState } from "./find-container.ts";

/**
 * Waits until the container's monitor is gone: it holds `lock` in the volatile directory for its
 * life and the kernel lets go of it however the monitor ends (flock(2)).
 *
 * @returns how the program ended, or undefined when nobody could write that down.
 * @throws TsmanError INTERRUPTED
 */
export async function waitForExit(
  context: EngineContext,
  record: ContainerRecord,
  signal?: AbortSignal,
): Promise<ExitRecord | undefined> {
  const file = path.join(context.store.containers.runDir(record.id), "lock");
  try {
    await using _lock = await lockFile(file, { shared: true, signal });
  } catch (error) {
    if (isTsmanError(error, "INTERRUPTED")) {
      const what = `wait for container ${record.name}: interrupted`;
      throw new TsmanError("INTERRUPTED", what, { cause: signal?.reason });
    }
    // No volatile directory any more: cleaned up after its end, or lost by a reboot.
    if (!isMissingFile(error)) throw error;
  }
  const state = containerState(context, record);
  return state.status === "exited" ? state.exit : undefined;
}

/** An exit status in the shell's convention; what is not known is an error, never 0. */
export function exitStatusOfRecord(
  record: ContainerRecord,
  exit: Pick<ExitRecord, "exitCode"> | undefined,
): number {
  if (exit !== undefined) return exit.exitCode;
  throw new TsmanError(
    "EXIT_STATUS_UNKNOWN",
    `wait for container ${record.name}: it is gone, but nothing recorded how it ended`,
    {
      hint: "its monitor was killed, or the machine was rebooted, while it ran",
      details: { container: record.id },
    },
  );
}

function isMissingFile(error: unknown): boolean {
  const cause = isTsmanError(error) ? error.cause : error;
  return (cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
}
