import { chownSync } from "node:fs";
import process from "node:process";
import { TsmanError } from "../errors/index.ts";
import { nativeProgram } from "../platform/native.ts";
import { runProgram } from "../platform/process.ts";
import { type IdMapEntry, usernsArguments } from "../platform/userns.ts";
import type { IdMapping } from "../rootless/id-mapping.ts";
import { type EngineContext, mappingFor } from "./context.ts";

/**
 * Gives files and directories of the caller to the ids that root of a container stands for.
 *
 * With the default mapping that is the caller, and there is nothing to do.  Root may simply do it.
 * An ordinary user with `--userns=keep-id` may not chown to its subordinate ids, except inside a
 * user namespace that has both: the one of the default mapping.
 */
export async function adoptPaths(
  context: EngineContext,
  paths: readonly string[],
  mapping: IdMapping,
): Promise<void> {
  if (paths.length === 0) return;
  const uid = outside(mapping.uid, 0);
  const gid = outside(mapping.gid, 0);
  const caller = process.geteuid?.() ?? 0;
  if (uid === caller && gid === (process.getegid?.() ?? 0)) return;
  if (caller === 0) {
    for (const each of paths) chownSync(each, uid, gid);
    return;
  }
  const between = mappingFor(context, { mode: "default" });
  const owner = `${inside(between.uid, uid)}:${inside(between.gid, gid)}`;
  const result = await runProgram(
    nativeProgram(),
    usernsArguments(between, ["/bin/chown", "-h", owner, "--", ...paths], false),
  );
  if (result.status === 0) return;
  throw new TsmanError(
    "RUNTIME_FAILED",
    `give ${paths[0]} to the container's root: ${result.stderr.toString("utf8").trim()}`,
  );
}

function outside(entries: readonly IdMapEntry[], id: number): number {
  const entry = entries.find((one) => id >= one.inside && id < one.inside + one.count);
  if (entry !== undefined) return entry.outside + (id - entry.inside);
  throw new TsmanError("INTERNAL", `use an id mapping without id ${id}`);
}

function inside(entries: readonly IdMapEntry[], id: number): number {
  const entry = entries.find((one) => id >= one.outside && id < one.outside + one.count);
  if (entry !== undefined) return entry.inside + (id - entry.outside);
  throw new TsmanError("INTERNAL", `use an id mapping that does not reach host id ${id}`);
}
