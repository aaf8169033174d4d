import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { findLiveProcess } from "../../container/liveness.ts";
import { sendMonitorCommand } from "../../container/monitor-control.ts";
import { initializedFileName } from "../../container/state.ts";
import { TsmanError } from "../../errors/index.ts";
import { DirectoryChanges } from "../../platform/directory-changes.ts";
import { monitorError } from "../../runtime/failure.ts";
import { MonitorMessageDecoder } from "../../runtime/monitor-messages.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import type { OwnedIo, OwnedSession } from "../owned-session.ts";
import type { StartOptions } from "../types.ts";
import { connectToContainer } from "./attach-container.ts";

/** Where the monitor says why the program could not be executed: a FAILED frame. */
const failedFileName = "failed";

/**
 * Lets the program of an initialized container go; the record must have been claimed.
 *
 * @returns undefined in the background.
 * @throws TsmanError why the program cannot be executed; the container is not initialized then.
 */
export async function startInitialized(
  context: EngineContext,
  record: ContainerRecord,
  io: OwnedIo,
  options: StartOptions,
): Promise<OwnedSession | undefined> {
  const runDir = context.store.containers.runDir(record.id);
  // Before the program can write anything.
  const session =
    options.attach === true
      ? await connectToContainer(
          context,
          record,
          { stdin: options.interactive, detachKeys: options.detachKeys },
          io,
        )
      : undefined;
  try {
    await letGo(record, runDir);
  } catch (error) {
    session?.release();
    throw error;
  }
  if (session === undefined) return undefined;
  const streams = { stdin: undefined, stdout: undefined, stderr: undefined };
  return { ...session, streams, keepProcess: () => undefined };
}

async function letGo(record: ContainerRecord, runDir: string): Promise<void> {
  using changes = new DirectoryChanges(runDir);
  sendMonitorCommand(runDir, { kind: "start" });
  // The file goes when the program runs, or with everything else when it cannot.
  const isHeld = (): boolean => existsSync(path.join(runDir, initializedFileName));
  while (isHeld()) {
    // Looked at again: a monitor that gives up takes first that file away, then its own.
    if (findLiveProcess(runDir, "monitor") === undefined && isHeld()) {
      throw new TsmanError(
        "RUNTIME_FAILED",
        `start container ${record.name}: its monitor has ended without a word`,
        { hint: "it was killed: start the container again" },
      );
    }
    await changes.next();
  }
  const failure = takeFailure(runDir);
  if (failure !== undefined) throw failure;
}

function takeFailure(runDir: string): TsmanError | undefined {
  const file = path.join(runDir, failedFileName);
  if (!existsSync(file)) return undefined;
  const [message] = new MonitorMessageDecoder().push(readFileSync(file));
  rmSync(file, { force: true });
  return message?.type === "failed" ? monitorError({ ...message, step: undefined }) : undefined;
}
