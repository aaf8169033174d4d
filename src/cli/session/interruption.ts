import os from "node:os";
import process from "node:process";
import { TsmanError } from "../../errors/index.ts";

/** What the user's Ctrl-C does to a command that cleans up after itself. */
export interface Interruption extends Disposable {
  /** Fires then; made at the first question for it, which takes Node a millisecond. */
  readonly signal: AbortSignal;
  /** Whether it has fired, or would have. */
  readonly isInterrupted: () => boolean;
  /** 128 + the number of the signal that has come, as a shell says it; undefined before. */
  readonly exitStatus: () => number | undefined;
}

const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Turns the first SIGINT, SIGTERM or SIGHUP into an abort with INTERRUPTED, so that what goes on can
 * clean up; the second one ends the process as if nobody had listened.
 */
export function listenForInterruption(): Interruption {
  let controller: AbortController | undefined;
  let came: NodeJS.Signals | undefined;
  const abort = (): void => {
    if (came !== undefined)
      controller?.abort(new TsmanError("INTERRUPTED", `interrupted by ${came}`));
  };
  const stopListening = (): void => {
    for (const one of names) process.off(one, onSignal);
  };
  const onSignal = (name: NodeJS.Signals): void => {
    stopListening();
    came = name;
    abort();
  };
  for (const name of names) process.on(name, onSignal);
  return {
    get signal() {
      if (controller === undefined) {
        controller = new AbortController();
        abort();
      }
      return controller.signal;
    },
    isInterrupted: () => came !== undefined,
    exitStatus: () => (came === undefined ? undefined : 128 + os.constants.signals[came]),
    [Symbol.dispose]: stopListening,
  };
}
