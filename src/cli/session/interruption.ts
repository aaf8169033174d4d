import os from "node:os";
import process from "node:process";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { LateAbort } from "./late-abort.ts";

/** What the user's Ctrl-C does to a command that cleans up after itself. */
export interface Interruption extends Disposable {
  /** Fires then; made at the first question for it. */
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
  const abort = new LateAbort();
  let came: NodeJS.Signals | undefined;
  const stopListening = (): void => {
    for (const one of names) process.off(one, onSignal);
  };
  const onSignal = (name: NodeJS.Signals): void => {
    stopListening();
    came = name;
    abort.abort(interruptedBy(name));
  };
  for (const name of names) process.on(name, onSignal);
  return {
    get signal() {
      return abort.signal;
    },
    isInterrupted: () => came !== undefined,
    exitStatus: () => (came === undefined ? undefined : statusAfter(came)),
    [Symbol.dispose]: stopListening,
  };
}

/** What an abort by that signal has as its reason. */
export function interruptedBy(name: NodeJS.Signals): TsmanError {
  return new TsmanError("INTERRUPTED", `interrupted by ${name}`, { details: { signal: name } });
}

/** The exit status of what {@link interruptedBy} has led to; undefined for any other error. */
export function interruptedStatus(error: TsmanError): number | undefined {
  const reason = isTsmanError(error.cause) ? error.cause : error;
  const { signal } = reason.details;
  return error.code !== "INTERRUPTED" || signal === undefined
    ? undefined
    : statusAfter(String(signal) as NodeJS.Signals);
}

function statusAfter(name: NodeJS.Signals): number {
  return 128 + os.constants.signals[name];
}
