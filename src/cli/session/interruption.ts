import process from "node:process";
import { TsmanError } from "../../errors/index.ts";

/**
 * Turns the first SIGINT, SIGTERM or SIGHUP into an abort, so that what goes on can clean up; the
 * second one ends the process as if nobody had listened.
 */
export function interruptionSignal(): AbortSignal {
  const controller = new AbortController();
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const onSignal = (name: NodeJS.Signals): void => {
    for (const one of names) process.off(one, onSignal);
    controller.abort(new TsmanError("INTERRUPTED", `interrupted by ${name}`));
  };
  for (const name of names) process.on(name, onSignal);
  return controller.signal;
}
