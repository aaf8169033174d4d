import process from "node:process";
import type { HandOver } from "../../engine/types.ts";
import { ownCommandLine } from "../../platform/native.ts";
import { replaceProcess } from "../../platform/replace-process.ts";
import type { CommandContext } from "../command.ts";

/** In which a native session that needs words says why it has come back; native/session.h. */
const sessionVariable = "TSMAN_SESSION";

/** What a native session has come back for. */
export interface SessionReport {
  readonly why: "failed" | "lost" | "interrupted";
  /** Which signal has interrupted it. */
  readonly signal: NodeJS.Signals | undefined;
  /** Of its container. */
  readonly id: string;
}

/**
 * What the native session has to say that this very process was before; others inherit the variable
 * as well, and may have got it from anybody.
 */
export function findSessionReport(
  environment: CommandContext["environment"],
): SessionReport | undefined {
  const text = environment[sessionVariable] ?? "";
  const match = /^(failed|lost|interrupted)(?:-(SIG[A-Z]+))? (\d+) (\S+)$/.exec(text);
  if (match === null || Number(match[3]) !== process.pid) return undefined;
  const [, why, signal, , id = ""] = match;
  return { why: why as SessionReport["why"], signal: signal as NodeJS.Signals | undefined, id };
}

/** Whether this command line failed with a native session: what it warns of has been said. */
export function isSecondTry({ environment }: Pick<CommandContext, "environment">): boolean {
  return findSessionReport(environment)?.why === "failed";
}

/** What of a session the native one has to know. */
export type HandOverRequest = Pick<HandOver, "isTyped" | "proxiesSignals" | "isInterrupted"> & {
  /** Called right before this process is replaced. */
  readonly prepare: () => void;
};

/**
 * How this process makes way for the native session; undefined where it must stay: it has come back
 * from one, or TSMAN_SESSION says anything else.
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
