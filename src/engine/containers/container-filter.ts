import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { LinuxSeccomp } from "../../oci/runtime-spec.ts";
import { toFileError } from "../../platform/errno.ts";
import { compileSeccompFilter, isFilterProgram } from "../../runtime/seccomp-filter.ts";
import type { EngineContext } from "../context.ts";

/** Name of the compiled system call filter in `containers/<id>`. */
const filterFileName = "seccomp.bpf";

/**
 * Compiles the filter of a container that is started, and keeps it for exec sessions: to find it in
 * the cache again takes the whole text of its rules.
 *
 * @returns undefined without a filter.
 * @throws TsmanError USAGE when the compiler refuses a rule, DISK_FULL and the like.
 */
export async function prepareFilter(
  context: EngineContext,
  id: string,
  seccomp: LinuxSeccomp | undefined,
): Promise<Uint8Array | undefined> {
  const file = path.join(context.store.containers.dir(id), filterFileName);
  const filter =
    seccomp === undefined ? undefined : await compileSeccompFilter(seccomp, context.paths.cacheDir);
  try {
    if (filter === undefined) rmSync(file, { force: true });
    else writeFileSync(file, filter, { mode: 0o600 });
  } catch (error) {
    throw toFileError(error, `write ${file}`);
  }
  return filter;
}

/**
 * The filter that a running container has.
 *
 * @returns undefined only when its configuration has none.
 * @throws TsmanError as {@link prepareFilter} for one that was not kept.
 */
export async function filterInForce(
  context: EngineContext,
  id: string,
  seccomp: LinuxSeccomp | undefined,
): Promise<Uint8Array | undefined> {
  if (seccomp === undefined) return undefined;
  try {
    const kept = readFileSync(path.join(context.store.containers.dir(id), filterFileName));
    if (isFilterProgram(kept)) return kept;
  } catch {
    // Of an earlier version of tsman.
  }
  return await compileSeccompFilter(seccomp, context.paths.cacheDir);
}
