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

/** Passes signals to the container by number, until it is disposed of. */
export function proxySignals(send: (signal: number) => void): Disposable {
  const listener = (name: NodeJS.Signals): void => {
    const number = os.constants.signals[name];
    if (number !== undefined) send(number);
  };
  for (const name of proxied) process.on(name, listener);
  return {
    [Symbol.dispose]: () => {
      for (const name of proxied) process.off(name, listener);
    },
  };
}
