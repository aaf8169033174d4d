import { realpathSync } from "node:fs";
import { guardWarnings } from "../../bundle/guard-rails.ts";
import { callerRuntimeDirectory, homeDirectory } from "../../config/paths.ts";
import type { ContainerOptions } from "../../container/options.ts";
import type { EngineContext } from "../context.ts";

/**
 * What of the caller's the mounts of a container give away; nothing where `--quiet-guards` or
 * `security.quiet_guards` says so.
 */
export async function findGuardWarnings(
  context: EngineContext,
  options: ContainerOptions,
): Promise<readonly string[]> {
  if (options.quietGuards === true) return [];
  const own = callerRuntimeDirectory();
  const home = homeDirectory();
  const found = guardWarnings(options.mounts, {
    home: resolve(home) ?? home,
    runtimeDirs: ["/run", "/var/run", ...(own === undefined ? [] : [own])],
    resolve,
  });
  // The configuration is read only by who would be warned.
  if (found.length === 0 || (await context.settings()).security.quietGuards) return [];
  return found.map((text) => `${text} (--quiet-guards silences this)`);
}

function resolve(file: string): string | undefined {
  try {
    return realpathSync.native(file);
  } catch {
    return undefined;
  }
}
