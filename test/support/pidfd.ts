import { closeSync } from "node:fs";
import koffi from "koffi";
import { patience } from "./wait.ts";

const libc = koffi.load("libc.so.6");
const syscall = libc.func("long syscall(long number, int pid, unsigned int flags)");
const pollfd = koffi.struct("tsman_test_pollfd", {
  fd: "int",
  events: "short",
  revents: "short",
});
const poll = libc.func("poll", "int", [koffi.inout(koffi.pointer(pollfd)), "unsigned long", "int"]);

/** pidfd_open(2): the same number on every architecture. */
const pidfdOpen = 434;
const pollIn = 1;

/** Resolves when a process that need not be our child has ended; at once if there is none. */
export async function processEnds(pid: number, milliseconds = patience): Promise<void> {
  const fd = Number(syscall(pidfdOpen, pid, 0));
  if (fd < 0) return;
  try {
    const ready = await new Promise<number>((resolve, reject) => {
      const entry = { fd, events: pollIn, revents: 0 };
      poll.async(entry, 1, milliseconds, (error: Error | null, count: number) => {
        if (error === null) resolve(count);
        else reject(error);
      });
    });
    if (ready !== 1) throw new Error(`waited ${milliseconds} ms for process ${pid} to end`);
  } finally {
    closeSync(fd);
  }
}
