import { closeSync, constants, openSync, writeSync } from "node:fs";
import path from "node:path";
import type { HealthAction, HealthPolicy } from "./health-policy.ts";

/** What of a check the monitor knows besides its plan. */
export type MonitoredPolicy = Pick<
  HealthPolicy,
  "intervalMs" | "timeoutMs" | "startPeriodMs" | "startIntervalMs" | "retries" | "onFailure"
>;

/** In the order of `enum health_action` in native/health.h. */
const actions: readonly HealthAction[] = ["none", "kill", "stop", "restart"];

/** A command to a running monitor, as native/protocol.h describes them at TSMAN_SET_RUN_DIR. */
export type MonitorCommand =
  | { readonly kind: "signal"; readonly signal: number }
  | { readonly kind: "stop"; readonly signal: number; readonly milliseconds: number }
  /** Somebody starts the container again after this life: it is not to be removed. */
  | { readonly kind: "keep" }
  /** Wait no longer before a restart: there is none. */
  | { readonly kind: "give-up" }
  /** Let the program of an initialized container go. */
  | { readonly kind: "start" }
  | { readonly kind: "health" }
  /** All its processes were stopped. */
  | { readonly kind: "paused" }
  /** Other numbers for the check that it has; milliseconds. */
  | { readonly kind: "health-policy"; readonly policy: MonitoredPolicy }
  | { readonly kind: "resize"; readonly rows: number; readonly columns: number };

/**
 * Sends a command through the monitor's fifo.
 *
 * @returns false when no monitor listens any more (ENXIO, ENOENT).
 */
export function sendMonitorCommand(runDir: string, command: MonitorCommand): boolean {
  let fifo: number;
  try {
    // Without a reader a non-blocking open for writing fails with ENXIO (fifo(7)).
    fifo = openSync(path.join(runDir, "control"), constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENXIO" || code === "ENOENT") return false;
    throw error;
  }
  try {
    // Below PIPE_BUF, so lines of several writers never mix (pipe(7)).
    writeSync(fifo, `${formatCommand(command)}\n`);
    return true;
  } finally {
    closeSync(fifo);
  }
}

function formatCommand(command: MonitorCommand): string {
  switch (command.kind) {
    case "signal":
      return `signal ${command.signal}`;
    case "stop":
      return `stop ${command.signal} ${command.milliseconds}`;
    case "give-up":
    case "keep":
    case "start":
    case "health":
    case "paused":
      return command.kind;
    case "health-policy": {
      const { intervalMs, timeoutMs, startPeriodMs, startIntervalMs, retries, onFailure } =
        command.policy;
      const numbers = [intervalMs, timeoutMs, startPeriodMs, startIntervalMs, retries];
      return `health-policy ${numbers.join(" ")} ${actions.indexOf(onFailure)}`;
    }
    case "resize":
      return `resize ${command.rows} ${command.columns}`;
  }
}
