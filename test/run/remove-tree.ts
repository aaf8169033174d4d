import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * Removes a directory in which containers have left files of subordinate ids: root may, an ordinary
 * user needs a user namespace in which these ids are its own (user_namespaces(7)).
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    await run("unshare", ["--map-root-user", "--map-auto", "rm", "-rf", "--", path]).catch(() => {
      console.error(`cannot remove ${path}: ${String(error)}`);
    });
  }
}
