import { constants, fstatSync, openSync } from "node:fs";
import { Socket } from "node:net";

/**
 * Opens the pipe behind a descriptor once more, so that it can be read or written without blocking:
 * a call that blocks in a thread of Node's pool could not be ended, and would keep the process from
 * ending.  Whoever shares the descriptor with us keeps it as it is.
 *
 * @param direction which end it is
 * @returns undefined for what is no pipe or socket, where nothing waits long
 */
export function openOwnPipe(fd: number, direction: "read" | "write"): Socket | undefined {
  const stat = fstatSync(fd);
  if (!stat.isFIFO() && !stat.isSocket()) return undefined;
  const isRead = direction === "read";
  return new Socket({ fd: reopen(fd, isRead), readable: isRead, writable: !isRead });
}

function reopen(fd: number, isRead: boolean): number {
  const access = isRead ? constants.O_RDONLY : constants.O_WRONLY;
  try {
    return openSync(`/proc/self/fd/${fd}`, access | constants.O_NONBLOCK);
  } catch {
    // A socket, or another user's pipe: then it has to be this descriptor.
    return fd;
  }
}

/** Ends a pipe when the signal fires, so that nobody waits for it any more. */
export function endOnAbort(socket: Socket, signal: AbortSignal | undefined): Disposable {
  const onAbort = (): void => {
    const { reason } = signal ?? {};
    socket.destroy(reason instanceof Error ? reason : new Error("aborted", { cause: reason }));
  };
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener("abort", onAbort, { once: true });
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", onAbort) };
}
