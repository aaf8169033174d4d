import type { ExitRecord } from "../../container/exit-record.ts";
import { sendMonitorCommand } from "../../container/monitor-control.ts";
import { parseSignal } from "../../container/signals.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";

const sigkill = 9;

/** A container that was told to end. */
export interface AskedToEnd {
  /** False: nobody was there to hear it. */
  readonly isHeard: boolean;
  /**
   * When it is over: what the user should know about how it came to its end; undefined: it did so by
   * its own signal.
   */
  warning(exit: ExitRecord | undefined): string | undefined;
}

/**
 * Has a container's monitor send its stop signal and, when that has not ended it in time, SIGKILL.
 *
 * @param seconds negative: there is no SIGKILL; 0: at once.
 * @param stopSignal instead of the container's own.
 */
export function askToEnd(
  context: EngineContext,
  record: ContainerRecord,
  seconds: number,
  stopSignal: string = record.stopSignal,
): AskedToEnd {
  const runDir = context.store.containers.runDir(record.id);
  const signal = seconds === 0 ? sigkill : parseSignal(stopSignal);
  const milliseconds = Math.round(seconds * 1000);
  const asked = performance.now();
  const isHeard = sendMonitorCommand(
    runDir,
    seconds < 0 ? { kind: "signal", signal } : { kind: "stop", signal, milliseconds },
  );
  return {
    isHeard,
    warning(exit) {
      if (seconds <= 0 || signal === sigkill || performance.now() - asked < milliseconds) return;
      // Unknown is that of a container which went with its end (--rm).
      if (exit !== undefined && exit.signal !== sigkill) return;
      // Podman's words, which scripts look for.
      return `StopSignal ${stopSignal} failed to stop container ${record.name} in ${seconds} seconds, resorting to SIGKILL`;
    },
  };
}
