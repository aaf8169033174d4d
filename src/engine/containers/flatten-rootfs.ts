import { mkdirSync } from "node:fs";
import process from "node:process";
import { TsmanError } from "../../errors/index.ts";
import { nativeProgram } from "../../platform/native.ts";
import { runProgram } from "../../platform/process.ts";
import { usernsArguments } from "../../platform/userns.ts";
import type { IdMapping } from "../../rootless/id-mapping.ts";
import { adoptPaths } from "../adopt-paths.ts";
import { type EngineContext, mappingFor } from "../context.ts";

/** Copying a large image takes its time; milliseconds. */
const longestCopy = 30 * 60 * 1000;

/**
 * Copies the layers of an image into one plain directory, for hosts that can mount no overlay.
 * Blocks are shared where the file system can (reflinks).
 *
 * @param lowers layers' directories, topmost first.
 * @param target directory to make.
 * @throws TsmanError DISK_FULL, PREFLIGHT_STORAGE
 */
export async function flattenRootfs(
  context: EngineContext,
  mapping: IdMapping,
  lowers: readonly string[],
  target: string,
): Promise<void> {
  mkdirSync(target, { mode: 0o755 });
  await adoptPaths(context, [target], mapping);
  const argv = [nativeProgram(), "flatten", target, ...lowers.toReversed()];
  // The default mapping has the caller, without whom nobody walks the path to the store, and all
  // ids of every other mapping.  Root has no such: it may do without a user namespace.
  const isRoot = process.geteuid?.() === 0;
  const [program = "", ...args] = isRoot
    ? argv
    : [nativeProgram(), ...usernsArguments(mappingFor(context, { mode: "default" }), argv, false)];
  const result = await runProgram(program, args, { timeoutMs: longestCopy });
  if (result.status === 0) return;
  const why = result.stderr.toString("utf8").trim();
  const isFull = /\(errno (?:28|122)\)/.test(why);
  throw new TsmanError(
    isFull ? "DISK_FULL" : "PREFLIGHT_STORAGE",
    `copy the image's layers to ${target}: ${why}`,
    {
      hint: isFull
        ? "free space, or put the store elsewhere: TSMAN_ROOT=/path"
        : "install fuse-overlayfs, or use a kernel and file system with overlay in user namespaces",
    },
  );
}
