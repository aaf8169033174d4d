import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { ReadStream } from "node:tty";
import koffi from "koffi";
import { Transcript } from "./wait.ts";

// openpty(3) needs libutil on older C libraries; the four calls that it is made of do not.
const libc = koffi.load("libc.so.6");
const posixOpenpt = libc.func("int posix_openpt(int flags)");
const grantpt = libc.func("int grantpt(int fd)");
const unlockpt = libc.func("int unlockpt(int fd)");
const ptsname = libc.func("const char *ptsname(int fd)");
const winsize = koffi.struct("tsman_test_winsize", {
  rows: "uint16",
  columns: "uint16",
  x: "uint16",
  y: "uint16",
});
const ioctl = libc.func("ioctl", "int", ["int", "unsigned long", koffi.pointer(winsize)]);

/** ioctl_tty(2): TIOCSWINSZ. */
const setWindowSize = 0x5414;
const readWriteNoControl = 0o2 | 0o400;
/** O_CLOEXEC: a program that inherits the leader would never see a hang-up. */
const closeOnExec = 0o2000000;

/** A program on a terminal of its own, as if typed at by a person. */
export interface TerminalSession {
  readonly child: ChildProcess;
  /** Path of the terminal that the program has. */
  readonly path: string;
  /** What appeared on the screen. */
  readonly screen: Transcript;
  /** Types these characters. */
  type(text: string): void;
  /** Changes the size of the window; the program gets SIGWINCH. */
  resize(rows: number, columns: number): void;
  /** Resolves when the program has ended. */
  readonly exited: Promise<{ status: number | null; signal: NodeJS.Signals | null }>;
  /** Hangs up: closes the terminal's other side. */
  hangUp(): void;
}

/** What {@link startOnTerminal} takes. */
export interface TerminalOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly rows?: number;
  readonly columns?: number;
}

/** Starts a program as leader of a session whose controlling terminal is a new pty. */
export function startOnTerminal(
  file: string,
  args: readonly string[],
  options: TerminalOptions,
): TerminalSession {
  const leader = posixOpenpt(readWriteNoControl | closeOnExec) as number;
  if (leader < 0 || grantpt(leader) !== 0 || unlockpt(leader) !== 0) {
    throw new Error("make a pseudo-terminal: posix_openpt, grantpt or unlockpt failed");
  }
  const path = ptsname(leader) as string;
  const resize = (rows: number, columns: number) => {
    ioctl(leader, setWindowSize, { rows, columns, x: 0, y: 0 });
  };
  resize(options.rows ?? 24, options.columns ?? 80);
  const follower = openSync(path, readWriteNoControl);
  // setsid(1) makes the new session take the terminal, then becomes the program.
  const child = spawn("setsid", ["--ctty", file, ...args], {
    stdio: [follower, follower, follower],
    env: { TERM: "xterm", ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  closeSync(follower);
  const stream = new ReadStream(leader);
  const exited = new Promise<{ status: number | null; signal: NodeJS.Signals | null }>(
    (resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (status, signal) => resolve({ status, signal }));
    },
  );
  return {
    child,
    path,
    screen: new Transcript(stream),
    type: (text) => void stream.write(text),
    resize,
    exited,
    hangUp: () => stream.destroy(),
  };
}
