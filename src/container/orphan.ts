import { closeSync } from "node:fs";
import { pidfdOpen, pidfdSendSignal } from "../platform/libc/pidfd.ts";
import { isAlive, type ProcessIdentity } from "./liveness.ts";

const sigkill = 9;
/** Milliseconds: the kernel ends all processes of a pid namespace before its first one is gone. */
const patience = 2000;
const step = 2;

/**
 * Ends an init that has outlived its monitor, and everything of its pid namespace, and waits for
 * that: whoever goes on removes its files or starts the container again.
 */
export function endOrphan(init: ProcessIdentity): void {
  const pidfd = pidfdOpen(init.pid);
  if (pidfd === undefined) return;
  try {
    // Looked at again: the descriptor may mean a process that has got its pid meanwhile.
    if (!isAlive(init)) return;
    pidfdSendSignal(pidfd, sigkill);
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let waited = 0; waited < patience && isAlive(init); waited += step) {
      Atomics.wait(pause, 0, 0, step);
    }
  } finally {
    closeSync(pidfd);
  }
}
