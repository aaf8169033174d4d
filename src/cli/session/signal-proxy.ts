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
  /** Nobody is left who could have them: the next one that ends is the caller's. */
  readonly giveUp: () => void;
}

/**
 * Takes signals for a container until it is disposed of.  It begins before the container does, since
 * the program may run, and somebody hear from it, before we know that it does.
 *
 * @param onImpatience gets the second one of those that end while there is nobody to have it; the one
 * after that ends this process, as the second one does without it.
 */
export function proxySignals(onImpatience?: (name: NodeJS.Signals) => void): SignalProxy {
  const early: number[] = [];
  let send: ((signal: number) => void) | undefined;
  // Of those that end, while nobody has them.
  let patience = onImpatience === undefined ? 1 : 2;
  const listener = (name: NodeJS.Signals): void => {
    const number = os.constants.signals[name];
    if (number === undefined) return;
    if (send !== undefined) {
      send(number);
      return;
    }
    early.push(number);
    if (!ending.includes(name)) return;
    // A start may hang: whoever sends another does not wait for it any longer.
    patience -= 1;
    if (patience > 0) return;
    unlisten(ending);
    onImpatience?.(name);
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
    giveUp: () => {
      send = undefined;
      patience = 1;
      if (onImpatience === undefined) unlisten(ending);
    },
    [Symbol.dispose]: () => unlisten(proxied),
  };
}
