import { spawn } from "node:child_process";
import { once } from "node:events";
import { patience, Transcript, within } from "../support/wait.ts";
import { type TestStore, type TsmanResult, tsmanPath } from "./support.ts";

/**
 * `WRAPPER tsman ARGS` in a store: tsman as another program starts it, in whatever that program has
 * made of the world.
 */
export async function runWrapped(
  store: TestStore,
  wrapper: readonly [string, ...string[]],
  args: readonly string[],
): Promise<TsmanResult> {
  const [program, ...before] = wrapper;
  const child = spawn(program, [...before, tsmanPath, ...args], {
    cwd: store.scratch,
    env: store.environment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stdout = new Transcript(child.stdout);
  const stderr = new Transcript(child.stderr);
  const what = `${program} … tsman ${args.join(" ")} to end`;
  try {
    const [status, signal] = (await within(patience, what, once(child, "close"))) as [
      number | null,
      NodeJS.Signals | null,
    ];
    return {
      status,
      signal,
      stdout: stdout.text,
      stderr: stderr.text,
      stdoutBytes: stdout.bytes,
    };
  } finally {
    child.kill("SIGKILL");
  }
}

/** How a shell script ended. */
export type ShellResult = Pick<TsmanResult, "status" | "stdout" | "stderr">;

/**
 * Runs a shell script in user and mount namespaces of its own, as root there, with the environment
 * of a store: what it mounts, nobody else sees.
 */
export async function runShell(store: TestStore, script: string): Promise<ShellResult> {
  const child = spawn("unshare", ["--user", "--map-root-user", "--mount", "sh", "-c", script], {
    cwd: store.scratch,
    env: store.environment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stdout = new Transcript(child.stdout);
  const stderr = new Transcript(child.stderr);
  try {
    const [status] = (await within(patience, "the script to end", once(child, "close"))) as [
      number | null,
    ];
    return { status, stdout: stdout.text, stderr: stderr.text };
  } finally {
    child.kill("SIGKILL");
  }
}
