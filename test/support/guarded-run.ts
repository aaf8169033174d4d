import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";

/**
 * Vitest's global set-up of the tiers that start containers: gives the run a directory of its own
 * as TMPDIR, and a process that, however the run ends, ends whatever has to do with that directory.
 * A container outlives its test, and a busy one whose test was interrupted would run for ever.
 */
export default async function guardRun(): Promise<() => Promise<void>> {
  const given = process.env.TSMAN_TEST_DIRECTORY;
  // Short: a unix socket's path holds 107 bytes (unix(7)).
  const directory = given ?? (await mkdtemp("/tmp/t-"));
  process.env.TMPDIR = directory;
  const guard = spawn(
    process.execPath,
    [join(import.meta.dirname, "run-guard.ts"), directory, given === undefined ? "remove" : "keep"],
    // A session of its own: what interrupts the run from a terminal does not interrupt this.
    { detached: true, stdio: ["pipe", "ignore", "inherit"] },
  );
  const ended = once(guard, "exit");
  // It waits for the end of its input, which comes with our end too.
  return async () => {
    guard.stdin.end();
    await ended;
  };
}
