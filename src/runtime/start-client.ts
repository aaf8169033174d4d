import { closeSync, constants, openSync, writeSync } from "node:fs";
import path from "node:path";
import { TsmanError } from "../errors/index.ts";
import { isErrno } from "../platform/errno.ts";
import { lockDescriptor } from "../platform/lock-descriptor.ts";
import { readRange } from "../platform/read-range.ts";
import { monitorError } from "./failure.ts";
import type { FailedStep } from "./monitor-handle.ts";
import { MonitorMessageDecoder } from "./monitor-messages.ts";

/** {@link startWaiting} */
export interface StartWaiting {
  /** The directory with the fifos. */
  readonly runDir: string;
  /** The step of the plan with this number; who starts it need not have the plan. */
  readonly findStep: (index: number) => FailedStep | undefined;
  readonly onWarning: (text: string) => void;
  /** Whether init has executed its program, or ended: others may keep its pipes open. */
  readonly isOver: () => boolean;
  /** Whether init has executed its program: others may have read what it said of that. */
  readonly hasExecuted: () => boolean;
}

/** Somebody of the container's may write as init; as the monitor's (native/monitor-messages.c). */
const mostWarnings = 100;

/** Milliseconds between two looks at init. */
const watchMs = 500;

/**
 * Starts the program of a container whose init waits at its start pipe (START_PIPES in
 * native/protocol.h); resolves when its execve has succeeded.
 *
 * Pipes, since a socket would name this process to whoever in the container may act as init
 * (SO_PEERPIDFD, unix(7)), and with it what this process has open.
 *
 * @throws TsmanError CONTAINER_NOT_RUNNING when nobody waits there, or what has failed
 */
export async function startWaiting(options: StartWaiting): Promise<void> {
  const { runDir, findStep, onWarning, isOver, hasExecuted } = options;
  const open: number[] = [];
  let watch: NodeJS.Timeout | undefined;
  let isWoken = false;
  try {
    // ENXIO: nobody reads there, which is init alone.
    const start = openSync(path.join(runDir, "start"), constants.O_WRONLY | constants.O_NONBLOCK);
    open.push(start);
    const started = openToRead(path.join(runDir, "started"));
    open.push(started);
    // Of two, one would have what the other is told.
    if (!lockDescriptor(start)) throw notWaiting();
    writeSync(start, "s");
    watch = setInterval(() => {
      isWoken ||= isOver();
      if (isWoken) wake(started);
    }, watchMs);
    const decoder = new MonitorMessageDecoder();
    let hasBegun = false;
    let warnings = 0;
    let failure: TsmanError | undefined;
    // To its end, which is there when the program has been executed, or never will be.
    for await (const chunk of readRange(started, {})) {
      for (const message of decoder.push(chunk)) {
        if (message.type === "ready") hasBegun = true;
        if (message.type === "warning" && warnings < mostWarnings) {
          warnings += 1;
          onWarning(warnings < mostWarnings ? message.text : "there are more warnings");
        }
        if (message.type === "failed") {
          failure = monitorError({ ...message, step: findStep(message.stepIndex) });
        }
      }
      if (isWoken) break;
    }
    if (failure !== undefined) throw failure;
    const isCut = decoder.isIncomplete && !isWoken;
    if ((!hasBegun || isCut) && !hasExecuted()) throw notWaiting();
  } catch (error) {
    if (isErrno(error, "ENXIO", "ENOENT", "EPIPE")) throw notWaiting(error);
    throw error;
  } finally {
    clearInterval(watch);
    for (const fd of open) closeSync(fd);
  }
}

/** A fifo whose writers may be gone, for reading that waits: opening it alone would wait as well. */
function openToRead(file: string): number {
  const both = openSync(file, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    return openSync(file, constants.O_RDONLY);
  } finally {
    closeSync(both);
  }
}

/** Ends our own read of a fifo, which nothing else would; its name may be gone. */
function wake(reader: number): void {
  const fd = openSync(`/proc/self/fd/${reader}`, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    writeSync(fd, "w");
  } catch (error) {
    // So full of somebody's that there is something to read.
    if (!isErrno(error, "EAGAIN")) throw error;
  } finally {
    closeSync(fd);
  }
}

function notWaiting(cause?: unknown): TsmanError {
  return new TsmanError("CONTAINER_NOT_RUNNING", "start container: nothing in it waits for that", {
    hint: "it has been started already, or has ended",
    cause,
  });
}
