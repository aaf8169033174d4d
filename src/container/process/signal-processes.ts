import { closeSync } from "node:fs";
import { pidfdOpen, pidfdSendSignal } from "../../platform/libc/pidfd.ts";

/** Descriptors that are open at a time: the limit may be 1024. */
const mostHeld = 512;

/**
 * Sends a signal to processes and to nothing else: each is held by a descriptor, then looked for
 * again, so that the descriptor cannot mean another process that was given the same pid before.
 *
 * @param members lists those that are meant; it is asked again while they are held.
 * @param signal 0: none, only whether that would be allowed.
 * @param pids some of them; missing: all.
 */
export function signalProcesses(
  members: () => readonly number[],
  signal: number,
  pids: readonly number[] = members(),
): void {
  for (let at = 0; at < pids.length; at += mostHeld) {
    signalHeld(members, signal, pids.slice(at, at + mostHeld));
  }
}

function signalHeld(
  members: () => readonly number[],
  signal: number,
  pids: readonly number[],
): void {
  const held = new Map<number, number>();
  try {
    for (const pid of pids) {
      const pidfd = pidfdOpen(pid);
      if (pidfd !== undefined) held.set(pid, pidfd);
    }
    const still = new Set(members());
    for (const [pid, pidfd] of held) if (still.has(pid)) pidfdSendSignal(pidfd, signal);
  } finally {
    for (const pidfd of held.values()) closeSync(pidfd);
  }
}
