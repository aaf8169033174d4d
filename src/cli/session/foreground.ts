import { openSync } from "node:fs";
import type { RunIo, RunSession } from "../../engine/types.ts";
import { isTerminal } from "../../platform/is-terminal.ts";
import type { CommandContext } from "../command.ts";
import type { FetchOptions } from "../options/fetch-options.ts";
import { warningText } from "../render/error.ts";
import { progressView } from "../render/progress.ts";

import { handOverFrom, isSecondTry } from "./hand-over.ts";
import { proxySignals, type SignalProxy } from "./signal-proxy.ts";
import { findSessionTerminal, type SessionTerminal } from "./terminal.ts";

/** What a session is like, and how its image may be fetched. */
export interface SessionOptions {
  /** The container has a terminal. */
  readonly tty: boolean;
  /** The caller's input is the container's. */
  readonly interactive: boolean;
  readonly detach: boolean;
  /** The streams that are connected; missing or empty: output and error. */
  readonly attach?: readonly ("stdin" | "stdout" | "stderr")[] | undefined;
  readonly quiet: boolean;
  readonly sigProxy: boolean;
  /** All that is left to do is this session: a native one may take its place. */
  readonly isLast?: boolean | undefined;
  /** Missing: the image is there. */
  readonly fetch?: FetchOptions | undefined;
}

/**
 * Starts a container: in the background (its id goes to stdout), or in the foreground until it ends
 * or the detach keys are typed.  Standard input and output are the container's: nothing here reads
 * or writes them meanwhile.
 *
 * @param start makes it run, or connects with it.
 * @returns the exit status of the command line.
 */
export async function runSession(
  start: (io: RunIo) => Promise<RunSession>,
  session: SessionOptions,
  context: CommandContext,
): Promise<number> {
  const { stderr } = context;
  const { tty, interactive, detach, attach = [] } = session;
  const warn = (message: string): void => stderr.write(warningText(message, stderr.isTerminal));
  const isRetry = isSecondTry(context);
  if (tty && interactive && !detach && !isTerminal(0) && !isRetry) {
    warn("standard input is no terminal: -t with -i may not work as expected");
  }
  const terminal = tty ? findSessionTerminal() : undefined;
  const size = terminal?.size();
  // Raw only where somebody types into the container: else Ctrl-C must go on to work as usual.
  const isTyped = interactive && !detach && isTerminal(0);
  const enterRaw = isTyped ? terminal?.enterRaw : undefined;
  const progress = progressView(stderr, {
    quiet: session.quiet,
    columns: () => size?.columns ?? 80,
  });
  const interruption = context.listenForInterruption();
  using stack = new DisposableStack();
  let proxy: SignalProxy | undefined;
  const takeSignals = (): void => {
    if (session.sigProxy && !detach) proxy ??= stack.use(proxySignals());
  };
  // A native session takes them itself; it prints the id of what it leaves in the background.
  const isLast = session.isLast === true && !(detach && context.stdout.isSilent === true);
  if (!isLast) takeSignals();
  try {
    const output = (stream: "stdout" | "stderr", descriptor: number): number =>
      attach.length === 0 || attach.includes(stream) ? descriptor : openNowhere();
    const running = await start({
      stdin: 0,
      stdout: output("stdout", 1),
      stderr: output("stderr", 2),
      ...(size !== undefined && { terminal: size }),
      get signal() {
        return interruption.signal;
      },
      onProgress: progress.onProgress,
      onWarning: warn,
      isRetry,
      beforeMonitor: takeSignals,
      beforeStart: enterRaw,
      handOver: isLast
        ? handOverFrom(context, {
            isTyped: enterRaw !== undefined,
            proxiesSignals: session.sigProxy && !detach,
            isInterrupted: interruption.isInterrupted,
            prepare: progress.finish,
          })
        : undefined,
      ...session.fetch,
    });
    takeSignals();
    progress.finish();
    if (detach) return await leave(running, context);
    return await stay(running, proxy, terminal, interruption.signal);
  } finally {
    terminal?.restore();
  }
}

/** Where what is not connected goes; it stays open as long as this process. */
function openNowhere(): number {
  return openSync("/dev/null", "w");
}

async function leave(running: RunSession, context: CommandContext): Promise<number> {
  await running.started;
  context.stdout.write(`${running.id}\n`);
  running.release();
  return 0;
}

async function stay(
  running: RunSession,
  proxy: SignalProxy | undefined,
  terminal: SessionTerminal | undefined,
  abort: AbortSignal,
): Promise<number> {
  // Each of these settles or not, as the container goes; `started` alone decides about failure.
  running.exited.catch(() => {});
  running.detached.catch(() => {});
  using stack = new DisposableStack();
  proxy?.passTo((signal) => running.signal(signal));
  const hungUp = Promise.withResolvers<void>();
  if (terminal !== undefined) {
    stack.use(terminal.onResize(({ rows, columns }) => running.resize(rows, columns)));
    stack.use(terminal.onHangUp(hungUp.resolve));
  }
  await running.started;
  const leaveBehind = (status: number): number => {
    running.release();
    return status;
  };
  return await Promise.race([
    running.exited.then(({ status }) => status),
    running.detached.then(() => leaveBehind(0)),
    hungUp.promise.then(() => leaveBehind(hangUpStatus)),
    aborted(abort, proxy !== undefined),
  ]);
}

/** 128 + SIGHUP: nobody sees it any more. */
const hangUpStatus = 129;

/** With `--sig-proxy=false` a signal ends the command line, and the container goes on. */
function aborted(abort: AbortSignal, sigProxy: boolean): Promise<never> {
  return new Promise((_, reject) => {
    if (sigProxy) return;
    abort.addEventListener("abort", () => reject(abort.reason as Error), { once: true });
  });
}
