import { constants } from "node:fs";
import { copyFile, cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { projectRoot } from "./support.ts";

/**
 * Puts everything that tsman consists of into a directory; Node is the one that runs this.
 *
 * @returns the launcher.
 */
export async function copyInstallation(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  for (const part of ["bin", "dist", "package.json"]) {
    await cp(join(projectRoot, part), join(directory, part), { recursive: true });
  }
  const node = join(directory, "node_modules", `node-linux-${process.arch}`, "bin");
  await mkdir(node, { recursive: true });
  await copyFile(process.execPath, join(node, "node"), constants.COPYFILE_FICLONE);
  // What the bundle leaves outside itself.
  for (const name of ["koffi", "@koromix"]) {
    const from = join(projectRoot, "node_modules", name);
    const options = { recursive: true, verbatimSymlinks: true, force: true };
    await cp(from, join(directory, "node_modules", name), options).catch((error) => {
      if (error.code !== "ENOENT") throw error;
    });
  }
  return join(directory, "bin/tsman");
}
