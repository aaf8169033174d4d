import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { processesUsing, statusOf } from "./proc.ts";
import { removeTree } from "./subordinate-ids.ts";

// Started by guarded-run.ts: waits until nobody is left who could write to its input, and ends the
// processes that a run of tests has left behind.
//
//   node run-guard.ts DIRECTORY remove|keep

const [directory = "", fate] = process.argv.slice(2);

/** Whoever runs the tests may have the directory in its environment. */
const spared = new Set<number>();
for (let pid = process.pid; pid > 1; pid = Number(statusOf(pid).PPid)) spared.add(pid);

process.stdin.resume();
await once(process.stdin, "end");

// Several rounds: a process may have forked after the list was read.
for (let round = 0; round < 100; round += 1) {
  const left = processesUsing(directory).filter((pid) => !spared.has(pid));
  if (left.length === 0) break;
  for (const pid of left) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself, or is another user's.
    }
  }
  await delay(20);
}
if (fate === "remove") await removeTree(directory);
