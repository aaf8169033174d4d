import { writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { TsmanError } from "../errors/index.ts";
import { toFileError } from "../platform/errno.ts";
import { readNumbers } from "./group.ts";

/** Milliseconds for the last process to come out of the kernel. */
const patience = 5000;
const step = 2;

/** Whether all processes of a group are frozen, or about to be. */
export function isFrozen(group: string): boolean {
  return readNumbers(group, "cgroup.events").get("frozen") === 1;
}

/**
 * Freezes every process of a group and of those below it, or lets them go on; resolves when that is
 * so (cgroup-v2.rst, `cgroup.freeze`).
 *
 * @throws TsmanError RUNTIME_FAILED; a group that does not freeze in time goes on.
 */
export async function setFrozen(group: string, wanted: boolean): Promise<void> {
  const file = path.join(group, "cgroup.freeze");
  const write = (value: string): void => {
    try {
      writeFileSync(file, value, { flag: "r+" });
    } catch (error) {
      throw toFileError(error, `write ${file}`);
    }
  };
  write(wanted ? "1" : "0");
  for (let waited = 0; isFrozen(group) !== wanted; waited += step) {
    if (waited > patience) {
      write("0");
      throw new TsmanError(
        "RUNTIME_FAILED",
        `freeze ${group}: a process has not come out of the kernel in ${patience / 1000} seconds`,
        { hint: "look for processes in state D: they wait for a disk or a network file system" },
      );
    }
    await delay(step);
  }
}
