import os from "node:os";
import process from "node:process";

/**
 * What is passed on.  Not SIGCHLD, SIGPIPE, SIGURG, which are about this process, and not the job
 * control ones: Ctrl-Z stops the command line as it stops any other.
 */
const proxied: readonly NodeJS.Signals[] = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGVTALRM",
  "SIGIO",
];

/** Of which the second one, when there is nobody to have it yet, is for this process. */
const ending: readonly NodeJS.Signals[] = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"];

/** Signals on their way to a container. */
export interface SignalProxy extends Disposable {
  /** Hands over, by number, what has arrived so far and all that will. */
  readonly passTo: (send: (signal: number) => void) => void;
}

/**
 * Takes signals for a container until it is disposed of.  It begins before the container does, since
 * the program may run, and somebody hear from it, before we know that it does.
 */
export function proxySignals(): SignalProxy {
  const early: number[] = [];
  let send: ((signal: number) => void) | undefined;
  const listener = (name: NodeJS.Signals): void => {
    const number = os.constants.signals[name];
    if (number === undefined) return;
    if (send !== undefined) {
      send(number);
      return;
    }
    early.push(number);
    // A start may hang: whoever sends another does not wait for it any longer.
    if (ending.includes(name)) unlisten(ending);
  };
  const listen = (names: readonly NodeJS.Signals[]): void => {
    for (const name of names) process.on(name, listener);
  };
  const unlisten = (names: readonly NodeJS.Signals[]): void => {
    for (const name of names) process.off(name, listener);
  };
  listen(proxied);
  return {
    passTo: (target) => {
      unlisten(ending);
      listen(ending);
      send = target;
      for (const signal of early.splice(0)) target(signal);
    },
    [Symbol.dispose]: () => unlisten(proxied),
  };
}
