import { closeSync, openSync } from "node:fs";
import path from "node:path";
import { TsmanError } from "../errors/index.ts";
import { connectSocket } from "../platform/connect-socket.ts";
import { isErrno } from "../platform/errno.ts";
import { readRange } from "../platform/read-range.ts";
import { monitorError } from "./failure.ts";
import type { FailedStep } from "./monitor-handle.ts";
import { MonitorMessageDecoder } from "./monitor-messages.ts";

/** {@link startWaiting} */
export interface StartWaiting {
  /** The directory with the socket. */
  readonly runDir: string;
  /** The step of the plan with this number; who starts it need not have the plan. */
  readonly findStep: (index: number) => FailedStep | undefined;
  readonly onWarning: (text: string) => void;
}

/**
 * Starts the program of a container whose init waits at its start socket (START_SOCKET in
 * native/protocol.h); resolves when its execve has succeeded.
 *
 * @throws TsmanError CONTAINER_NOT_RUNNING when nobody waits there, or what has failed
 */
export async function startWaiting({ runDir, findStep, onWarning }: StartWaiting): Promise<void> {
  // A path of the caller's may be longer than sun_path (unix(7)).
  const place = openSync(runDir, "r");
  let socket: number | undefined;
  try {
    socket = connectSocket(path.join("/proc/self/fd", String(place), "start"));
    const decoder = new MonitorMessageDecoder();
    let hasBegun = false;
    let failure: TsmanError | undefined;
    // To its end, which is there when the program has been executed, or never will be.
    for await (const chunk of readRange(socket, {})) {
      for (const message of decoder.push(chunk)) {
        if (message.type === "ready") hasBegun = true;
        if (message.type === "warning") onWarning(message.text);
        if (message.type === "failed") {
          failure = monitorError({ ...message, step: findStep(message.stepIndex) });
        }
      }
    }
    if (failure !== undefined) throw failure;
    if (!hasBegun) throw notWaiting();
  } catch (error) {
    if (
      isErrno(error, "ECONNREFUSED") ||
      isErrno(error, "ENOENT") ||
      isErrno(error, "ECONNRESET")
    ) {
      throw notWaiting(error);
    }
    throw error;
  } finally {
    if (socket !== undefined) closeSync(socket);
    closeSync(place);
  }
}

function notWaiting(cause?: unknown): TsmanError {
  return new TsmanError("CONTAINER_NOT_RUNNING", "start container: nothing in it waits for that", {
    hint: "it has been started already, or has ended",
    cause,
  });
}
