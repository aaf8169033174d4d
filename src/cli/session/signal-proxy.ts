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
  let send = (signal: number): void => void early.push(signal);
  const listener = (name: NodeJS.Signals): void => {
    const number = os.constants.signals[name];
    if (number !== undefined) send(number);
  };
  for (const name of proxied) process.on(name, listener);
  return {
    passTo: (target) => {
      send = target;
      for (const signal of early.splice(0)) target(signal);
    },
    [Symbol.dispose]: () => {
      for (const name of proxied) process.off(name, listener);
    },
  };
}
