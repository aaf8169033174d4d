import { ErrnoError, errnoName } from "../errno.ts";
import { libc } from "./binding.ts";

/** Their numbers on every architecture: asm-generic/unistd.h. */
const pidfdSendSignalCall = 424;
const pidfdOpenCall = 434;

/**
 * pidfd_open(2): a descriptor that means this process for ever, whoever gets its pid.
 *
 * @returns undefined when there is none; else a descriptor that is the caller's to close.
 */
export function pidfdOpen(pid: number): number | undefined {
  const fd = Number(libc().syscall(pidfdOpenCall, pid, 0, 0, 0));
  if (fd !== -1) return fd;
  const errno = libc().errno();
  if (errnoName(errno) === "ESRCH") return undefined;
  throw new ErrnoError("pidfd_open", `process ${pid}`, errno);
}

/** pidfd_send_signal(2); whether the process was still there. */
export function pidfdSendSignal(pidfd: number, signal: number): boolean {
  if (Number(libc().syscall(pidfdSendSignalCall, pidfd, signal, 0, 0)) !== -1) return true;
  const errno = libc().errno();
  if (errnoName(errno) === "ESRCH") return false;
  throw new ErrnoError("pidfd_send_signal", `signal ${signal}`, errno);
}
