import { createRequire } from "node:module";
import type Koffi from "koffi";
import { ErrnoError } from "./errno.ts";

// Node's setRawMode leaves output processing on: a bare line feed of a full-screen program would
// then also return the carriage.  So the terminal is switched by libc itself, termios(3).

/** Larger than `struct termios` of any libc. */
const termiosBytes = 256;
const TCSADRAIN = 1;

/**
 * Switches a terminal to raw mode: every byte goes through in both directions, Ctrl-C included.
 *
 * @param fd a descriptor of the terminal.
 * @returns what restores the mode that was found; it may be called more than once.
 * @throws ErrnoError ENOTTY and the like.
 */
export function makeTerminalRaw(fd: number): () => void {
  const libc = bindTermios();
  const found = Buffer.alloc(termiosBytes);
  if (libc.tcgetattr(fd, found) !== 0) throw failure("tcgetattr", fd, libc.errno());
  const raw = Buffer.from(found);
  libc.cfmakeraw(raw);
  if (libc.tcsetattr(fd, TCSADRAIN, raw) !== 0) throw failure("tcsetattr", fd, libc.errno());
  return () => {
    libc.tcsetattr(fd, TCSADRAIN, found);
  };
}

interface Termios {
  readonly errno: () => number;
  readonly tcgetattr: (fd: number, termios: Buffer) => number;
  readonly tcsetattr: (fd: number, actions: number, termios: Buffer) => number;
  readonly cfmakeraw: (termios: Buffer) => void;
}

function bindTermios(): Termios {
  const koffi = createRequire(import.meta.url)("koffi") as typeof Koffi;
  const library = koffi.load(null);
  return {
    errno: () => koffi.errno(),
    tcgetattr: library.func("int tcgetattr(int fd, void *termios)"),
    tcsetattr: library.func("int tcsetattr(int fd, int actions, const void *termios)"),
    cfmakeraw: library.func("void cfmakeraw(void *termios)"),
  };
}

function failure(call: string, fd: number, errno: number): ErrnoError {
  return new ErrnoError(call, `descriptor ${fd}`, errno);
}
