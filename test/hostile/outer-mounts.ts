import { spawn } from "node:child_process";
import { once } from "node:events";
import type { TestStore } from "../integration/support.ts";
import { tsmanPath } from "../integration/support.ts";
import { Transcript, within } from "../support/wait.ts";

/**
 * Runs a shell script as root of a user namespace with mounts of its own, which stands for the host
 * there: only so can an ordinary user make the mounts that an administrator would.  `$tsman` is the
 * program, `$here` an empty directory that is the caller's.
 *
 * @returns what the script printed
 * @throws Error with its words when it ends with another status than 0
 */
export async function withOuterMounts(
  store: TestStore,
  here: string,
  script: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  // By itself it ends as well: scripts wait in loops, and tests may be interrupted.
  const end = ["--kill-after=1", "60", "unshare"];
  const options = "--user --map-root-user --mount --fork --kill-child --pid --mount-proc";
  const child = spawn("timeout", [...end, ...options.split(" "), "sh", "-euc", script], {
    env: store.environment({ ...env, tsman: tsmanPath, here }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = [new Transcript(child.stdout), new Transcript(child.stderr)];
  const [status] = await within(40_000, "a script with mounts of its own", once(child, "close"));
  if (status !== 0) throw new Error(`status ${status}: ${stdout.text}${stderr.text}`);
  return stdout.text;
}
