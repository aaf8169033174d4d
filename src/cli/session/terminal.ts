import { constants, openSync } from "node:fs";
import process from "node:process";
import type { TerminalSize } from "../../engine/types.ts";
import { isTerminal } from "../../platform/is-terminal.ts";
import { windowSize } from "../../platform/libc/window-size.ts";

/** The terminal that a session runs on. */
export interface SessionTerminal {
  readonly size: () => TerminalSize | undefined;
  /** Tells of each change of size, until it is disposed of. */
  readonly onResize: (listener: (size: TerminalSize) => void) => Disposable;
  /** Tells that the other side of the terminal is gone, until it is disposed of. */
  readonly onHangUp: (listener: () => void) => Disposable;
  /** Every byte to the container from here on. */
  readonly enterRaw: () => Promise<void>;
  /** Puts the terminal back as it was found; safe to call at any time. */
  readonly restore: () => void;
}

/** The caller's terminal, if one of descriptors 0 to 2 is one. */
export function findSessionTerminal(): SessionTerminal | undefined {
  const shared = [0, 1, 2].find((descriptor) => isTerminal(descriptor));
  if (shared === undefined) return undefined;
  let leaveRaw: (() => void) | undefined;
  const restore = (): void => {
    leaveRaw?.();
    leaveRaw = undefined;
    process.off("exit", restore);
  };
  return {
    size: () => terminalSize(shared),
    onResize: (listener) => {
      const onChange = (): void => {
        const size = terminalSize(shared);
        if (size !== undefined) listener(size);
      };
      process.on("SIGWINCH", onChange);
      return { [Symbol.dispose]: () => process.off("SIGWINCH", onChange) };
    },
    onHangUp: (listener) => {
      // The signal may come from a person as well; then the terminal is still one.
      const onSignal = (): void => {
        if (!isTerminal(shared)) listener();
      };
      process.on("SIGHUP", onSignal);
      return { [Symbol.dispose]: () => process.off("SIGHUP", onSignal) };
    },
    enterRaw: async () => {
      const { makeTerminalRaw } = await import("../../platform/terminal-mode.ts");
      if (leaveRaw !== undefined) return;
      leaveRaw = makeTerminalRaw(shared);
      // Whatever ends this process by way of JavaScript passes here.
      process.on("exit", restore);
    },
    restore,
  };
}

/** Width of the caller's terminal; 80 where there is none. */
export function terminalColumns(): number {
  return findSessionTerminal()?.size()?.columns ?? 80;
}

/**
 * Asks for a terminal's size.  It is opened anew for that: what Node does to a terminal's descriptor
 * (O_NONBLOCK) would reach the container, which shares 0 to 2 with us.
 */
function terminalSize(descriptor: number): TerminalSize | undefined {
  const { columns = 0, rows = 0 } = sizeByNode(descriptor) ?? windowSize(descriptor) ?? {};
  // A serial line or a fresh pseudo-terminal says 0 by 0.
  return columns > 0 && rows > 0 ? { columns, rows } : undefined;
}

/** Without koffi, which takes 25 ms to load. */
function sizeByNode(descriptor: number): TerminalSize | undefined {
  let fd: number;
  try {
    fd = openSync(`/proc/self/fd/${descriptor}`, constants.O_RDWR | constants.O_NOCTTY);
  } catch {
    // After su(1) it is somebody else's.
    return undefined;
  }
  const tty = process.getBuiltinModule("node:tty");
  const stream = new tty.WriteStream(fd);
  const [columns, rows] = stream.getWindowSize();
  stream.destroy();
  return { columns, rows };
}
