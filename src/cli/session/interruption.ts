import os from "node:os";
import process from "node:process";
import { TsmanError } from "../../errors/index.ts";

/** An abort signal that the user's Ctrl-C fires. */
export interface Interruption extends Disposable {
  readonly signal: AbortSignal;
  /** 128 + the number of the signal that has come, as a shell says it; undefined before. */
  readonly exitStatus: () => number | undefined;
}

const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Turns the first SIGINT, SIGTERM or SIGHUP into an abort with INTERRUPTED, so that what goes on can
 * clean up; the second one ends the process as if nobody had listened.
 */
export function listenForInterruption(): Interruption {
  const controller = new AbortController();
  let exitStatus: number | undefined;
  const stopListening = (): void => {
    for (const one of names) process.off(one, onSignal);
  };
  const onSignal = (name: NodeJS.Signals): void => {
    stopListening();
    exitStatus = 128 + os.constants.signals[name];
    controller.abort(new TsmanError("INTERRUPTED", `interrupted by ${name}`));
  };
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    exitStatus: () => exitStatus,
    [Symbol.dispose]: stopListening,
  };
}
