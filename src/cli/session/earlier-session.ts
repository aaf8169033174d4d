import { existsSync, readFileSync, rmSync } from "node:fs";
import process from "node:process";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import type { CommandContext } from "../command.ts";
import type { Engine } from "../engine.ts";
import { findSessionReport } from "./hand-over.ts";

/**
 * Says what the native session before this process could not.  After a failed start the caller tries
 * again by itself, and then finds the reason as well.
 *
 * @param isNew the session's container was made by this very command line.
 * @throws TsmanError INTERRUPTED, EXIT_STATUS_UNKNOWN
 */
export async function takeUpSession(
  context: CommandContext,
  openEngine: () => Promise<Engine>,
  isNew: boolean,
): Promise<void> {
  const found = findSessionReport(context.environment);
  if (found === undefined) return;
  const { why, signal, id } = found;
  if (isNew && why !== "lost") await undo(await openEngine(), id);
  if (signal !== undefined) {
    const interruption = context.interruption();
    process.emit(signal, signal);
    throw interruption.reason;
  }
  if (why === "lost") {
    if (isNew) await removeEnded(await openEngine(), id);
    throw new TsmanError(
      "EXIT_STATUS_UNKNOWN",
      "wait for container: its monitor ended without saying how the program did",
      { hint: "somebody killed the monitor; the container was ended with it" },
    );
  }
}

/** A start that failed leaves nothing: the next try makes all of it anew. */
async function undo(engine: Engine, id: string): Promise<void> {
  const container = await engine.containers.find(id);
  const { cidFile } = container ?? {};
  if (cidFile !== undefined && existsSync(cidFile) && readFileSync(cidFile, "latin1") === id) {
    rmSync(cidFile);
  }
  await removeQuietly(engine, id);
}

/** With its monitor the container has gone: `--rm` is all that is left to do. */
async function removeEnded(engine: Engine, id: string): Promise<void> {
  const container = await engine.containers.find(id);
  if (container?.autoRemove === true) await removeQuietly(engine, id);
}

async function removeQuietly(engine: Engine, id: string): Promise<void> {
  try {
    await engine.containers.remove(id, { force: true, volumes: true });
  } catch (error) {
    if (!isTsmanError(error, "CONTAINER_NOT_FOUND")) throw error;
  }
}
