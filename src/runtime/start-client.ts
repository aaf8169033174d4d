import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { TsmanError } from "../errors/index.ts";
import { isErrno } from "../platform/errno.ts";
import { monitorError } from "./failure.ts";
import { MonitorMessageDecoder } from "./monitor-messages.ts";

/**
 * Starts the program of a container whose init waits at its start socket (START_SOCKET in
 * native/protocol.h); resolves when its execve has succeeded.
 *
 * @param runDir the directory with the socket.
 * @throws TsmanError CONTAINER_NOT_RUNNING when nobody waits there, or what has failed
 */
export async function startWaiting(
  runDir: string,
  onWarning: (text: string) => void,
): Promise<void> {
  // A path of the caller's may be longer than sun_path (unix(7)).
  const place = openSync(runDir, "r");
  try {
    const socket = connect(path.join("/proc/self/fd", String(place), "start"));
    const decoder = new MonitorMessageDecoder();
    let hasBegun = false;
    let failure: TsmanError | undefined;
    socket.on("data", (chunk: Buffer) => {
      for (const message of decoder.push(chunk)) {
        if (message.type === "ready") hasBegun = true;
        if (message.type === "warning") onWarning(message.text);
        if (message.type === "failed") failure = monitorError({ ...message, step: undefined });
      }
    });
    await once(socket, "close");
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
    closeSync(place);
  }
}

function notWaiting(cause?: unknown): TsmanError {
  return new TsmanError("CONTAINER_NOT_RUNNING", "start container: nothing in it waits for that", {
    hint: "it has been started already, or has ended",
    cause,
  });
}
