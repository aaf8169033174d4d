import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Podman with stores of its own. */
export interface Podman {
  readonly version: string;
  /** Program and arguments of Podman on the store `name`. */
  readonly command: (name: string, ...args: readonly string[]) => readonly [string, ...string[]];
  /** Runs it to its end; what it printed. */
  readonly run: (name: string, ...args: readonly string[]) => Promise<string>;
  /** Removes a store. */
  readonly removeStore: (name: string) => Promise<void>;
}

/**
 * Looks for a Podman that can run containers here, on the kernel's overlay as tsman.
 *
 * @param work directory on a tmpfs
 * @returns undefined when it is not installed
 */
export async function findPodman(work: string): Promise<Podman | undefined> {
  const version = await execute("podman", ["--version"]).catch(() => undefined);
  if (version === undefined) return undefined;
  const store = (name: string) => [
    "--storage-driver=overlay",
    `--root=${join(work, name)}`,
    `--runroot=${join(work, `${name}-run`)}`,
    `--tmpdir=${join(work, `${name}-tmp`)}`,
    "--cgroup-manager=cgroupfs",
  ];
  const command = (name: string, ...args: readonly string[]) =>
    ["podman", ...store(name), ...args] as const;
  return {
    version: version.stdout.trim().replace(/^podman version /, ""),
    command,
    run: async (name, ...args) => {
      const [file, ...rest] = command(name, ...args);
      return (await execute(file, rest)).stdout.trim();
    },
    removeStore: async (name) => {
      const paths = [name, `${name}-run`, `${name}-tmp`].map((one) => join(work, one));
      await execute("podman", ["unshare", "rm", "-rf", "--", ...paths]);
    },
  };
}
