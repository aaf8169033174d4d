import { toTsmanError } from "../errors/index.ts";
import type { CommandContext } from "./command.ts";
import { errorText } from "./render/error.ts";

/** How {@link forEach} goes about it. */
export interface EachOptions {
  /** How many at once; missing: one after the other. */
  readonly parallel?: number | undefined;
  /** Exit status for what does not exist, where Podman has another one than for other failures. */
  readonly missingStatus?: number | undefined;
  /** Exit status for what runs and must not, where Podman has another one than rm's 2. */
  readonly runningStatus?: number | undefined;
  /** What does not exist is no failure (`--ignore`). */
  readonly ignoreMissing?: boolean | undefined;
}

/** At once, for verbs that wait for programs to end: as many as Podman on a small machine. */
export const severalAtOnce = 8;

/**
 * Does the same for several things, as `rm a b c` does: one failure is told, and the others still
 * get their turn.
 *
 * @returns the exit status: that of the last failure, or 0; `missingStatus` prevails.
 */
export async function forEach(
  names: readonly string[],
  context: CommandContext,
  action: (name: string) => Promise<void>,
  options: EachOptions = {},
): Promise<number> {
  const { missingStatus, runningStatus, ignoreMissing = false } = options;
  let status = 0;
  const attempt = async (name: string): Promise<void> => {
    try {
      await action(name);
    } catch (thrown) {
      const error = toTsmanError(thrown, name);
      if (error.code === "INTERRUPTED") throw error;
      const isMissing = error.code === "CONTAINER_NOT_FOUND" || error.code === "IMAGE_NOT_FOUND";
      if (isMissing && ignoreMissing) return;
      const { isTerminal } = context.stderr;
      context.stderr.write(errorText(error, { isTerminal, isDebug: false }));
      if (isMissing && missingStatus !== undefined) status = missingStatus;
      else if (status === 0 || status !== missingStatus) {
        const isRunning = error.code === "CONTAINER_RUNNING";
        status = isRunning && runningStatus !== undefined ? runningStatus : error.exitStatus;
      }
    }
  };
  const left = names.values();
  const worker = async (): Promise<void> => {
    for (const name of left) await attempt(name);
  };
  await Promise.all(Array.from({ length: options.parallel ?? 1 }, worker));
  return status;
}
