import process from "node:process";
import type { HandOver } from "../../engine/types.ts";
import { ownCommandLine } from "../../platform/native.ts";
import { replaceProcess } from "../../platform/replace-process.ts";
import type { CommandContext } from "../command.ts";

/** In which a native session that needs words says why it has come back; native/session.h. */
export const sessionVariable = "TSMAN_SESSION";

/** Whether this command line failed with a native session: what it warns of has been said. */
export function isSecondTry({ environment }: Pick<CommandContext, "environment">): boolean {
  return environment[sessionVariable]?.startsWith("failed ") === true;
}

/** What of a session the native one has to know. */
export type HandOverRequest = Pick<HandOver, "isTyped" | "proxiesSignals" | "isInterrupted"> & {
  /** Called right before this process is replaced. */
  readonly prepare: () => void;
};

/**
 * How this process makes way for the native session; undefined where it must stay: it has come back
 * from one.
 */
export function handOverFrom(
  context: Pick<CommandContext, "environment">,
  { isTyped, proxiesSignals, isInterrupted, prepare }: HandOverRequest,
): HandOver | undefined {
  const { environment } = context;
  if (environment[sessionVariable] !== undefined) return undefined;
  return {
    isTyped,
    proxiesSignals,
    isInterrupted,
    commandLine: ownCommandLine(),
    replaceProcess: (program, args, descriptor) => {
      prepare();
      // For whoever wants to know of the end: the code cache is written then.
      process.emit("exit", 0);
      try {
        replaceProcess(program, args, environment, descriptor);
      } catch {
        // A limit of this host; it goes on as it does where there is no native session.
      }
    },
  };
}
