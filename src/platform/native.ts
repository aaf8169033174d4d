import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { TsmanError } from "../errors/index.ts";

let cachedInstallation: string | undefined;

/**
 * The directory that holds package.json, bin, dist: found from this module's place upwards, so the
 * same code serves the sources (src/platform), the bundle (dist/…) and a copy anywhere else.
 *
 * @throws TsmanError INTERNAL when the module was torn out of its installation.
 */
export function installationDir(): string {
  cachedInstallation ??= findInstallation(import.meta.dirname);
  return cachedInstallation;
}

function findInstallation(start: string): string {
  for (let directory = start; ; directory = path.dirname(directory)) {
    if (existsSync(path.join(directory, "package.json"))) return directory;
    if (directory === path.dirname(directory)) {
      throw new TsmanError(
        "INTERNAL",
        `find the installation of tsman above ${start}: no package.json`,
      );
    }
  }
}

/** The program that runs between clone and exec: dist/libexec/tsman-native. */
export function nativeProgram(): string {
  return helper("tsman-native");
}

/** The compiler of seccomp filters: dist/libexec/tsman-seccomp. */
export function seccompCompiler(): string {
  return helper("tsman-seccomp");
}

/** The images that travel with the installation: dist/images. */
export function embeddedImagesDir(): string {
  return path.join(installationDir(), "dist/images");
}

/** The Node.js program that is running now; a second one started by tsman is the same. */
export function nodeProgram(): string {
  return process.execPath;
}

/** How this command was started, for execve(2). */
export function ownCommandLine(): readonly string[] {
  // Bun's program has its entry in itself.
  const entry = process.versions.bun === undefined ? process.argv.slice(1, 2) : [];
  return [process.execPath, ...process.execArgv, ...entry, ...process.argv.slice(2)];
}

/** The entry of the unpack worker: the bundle, which starts in a quarter of the sources' time. */
export function unpackWorkerEntry(): string {
  return path.join(installationDir(), "dist/cli/unpack-worker.js");
}

/** The entry of the inside worker, as {@link unpackWorkerEntry}. */
export function insideWorkerEntry(): string {
  return path.join(installationDir(), "dist/cli/inside-worker.js");
}

function helper(name: string): string {
  return path.join(installationDir(), "dist/libexec", name);
}
