import { chmodSync, existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { findProgram } from "../../config/find-program.ts";
import { isErrno, toFileError } from "../../platform/errno.ts";
import { randomHex } from "../../platform/random.ts";
import type { RootfsPlan } from "../../runtime/launch-context.ts";
import type { MonitorFailure } from "../../runtime/monitor-handle.ts";
import { step } from "../../runtime/protocol.ts";
import { adoptPaths } from "../adopt-paths.ts";
import type { EngineContext } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import { visibleLayers } from "../images/opaque-root.ts";
import type { ContainerPlan } from "./plan-container.ts";

/** What of a container's plan its root file system depends on. */
export type RootfsOwner = Pick<ContainerPlan, "id" | "options" | "image" | "mapping" | "isNew">;

/** How a root file system can come about, the best first. */
export const rootfsDrivers = ["overlay", "fuse-overlayfs", "copy"] as const;
export type RootfsDriver = (typeof rootfsDrivers)[number];

const settingName = "rootfs-driver";

/** The driver that has worked here; the best one as long as none was tried. */
export function firstDriver(context: EngineContext): RootfsDriver {
  const known = context.store.settings.get(settingName);
  return rootfsDrivers.find((driver) => driver === known) ?? "overlay";
}

/** Remembers what has worked, so that the next start does not try in vain. */
export function rememberDriver(context: EngineContext, driver: RootfsDriver): void {
  if (context.store.settings.get(settingName) !== driver) {
    context.store.settings.set(settingName, driver);
  }
}

/** The driver to try after `driver` has failed; undefined when there is none. */
export function nextDriver(driver: RootfsDriver): RootfsDriver | undefined {
  const next = rootfsDrivers[rootfsDrivers.indexOf(driver) + 1];
  if (next === "fuse-overlayfs" && findProgram("fuse-overlayfs") === undefined) return "copy";
  return next;
}

/** Whether a start failed because of its driver rather than for any other reason. */
export function isDriverFailure(failure: MonitorFailure, driver: RootfsDriver): boolean {
  if (driver === "overlay") return failure.step?.op === step.ROOT_OVERLAY;
  return (
    driver === "fuse-overlayfs" &&
    (failure.object.includes("fuse-overlayfs") || failure.step?.op === step.ROOT_BIND)
  );
}

/** Makes the directories that a driver needs and says how the root comes about. */
export async function prepareRootfs(
  context: EngineContext,
  planned: RootfsOwner,
  driver: RootfsDriver,
): Promise<RootfsPlan> {
  const plan = describeRootfs(context, planned, driver);
  if (plan.driver === "copy") {
    // `--rootfs PATH` is the root itself: nothing is to be made.
    if (planned.options.rootfs?.overlay === false) return plan;
    // An earlier start has made it, and what the container wrote is in it.
    if (existsSync(plan.path)) return plan;
    const { flattenRootfs } = await import("./flatten-rootfs.ts");
    const lowers = lowerDirectories(context, planned);
    const partial = `${plan.path}.${randomHex(6)}.partial`;
    await flattenRootfs(context, planned.mapping, lowers, partial);
    try {
      renameSync(partial, plan.path);
    } catch (error) {
      if (!isErrno(error, "ENOTEMPTY") && !isErrno(error, "EEXIST")) throw error;
      // Another start of it was faster.
      await discardTree(context, partial);
    }
    return plan;
  }
  const directories = [plan.upper, plan.work];
  const [isNew, isWorkNew] = makeDirectories(directories);
  // What the merged root looks like is what the upper directory looks like, umask or not.
  if (isNew) chmodSync(plan.upper, rootMode(plan.lowers));
  // Of an earlier start that was killed, or of one that is just doing the same, it may be ours still.
  if (isNew || isWorkNew || statSync(plan.upper).uid === process.geteuid?.()) {
    await adoptPaths(context, directories, planned.mapping);
  }
  if (plan.driver === "fuse-overlayfs") makeDirectories([path.join(plan.dir, "merged")]);
  return plan;
}

/** How the root of a container comes about with a driver; makes nothing. */
export function describeRootfs(
  context: EngineContext,
  planned: RootfsOwner,
  driver: RootfsDriver,
): RootfsPlan {
  const { options } = planned;
  if (options.rootfs?.overlay === false) return { driver: "copy", path: options.rootfs.path };
  const dir = context.store.containers.dir(planned.id);
  if (driver === "copy") return { driver, path: path.join(dir, "rootfs") };
  const directories = {
    lowers: lowerDirectories(context, planned),
    upper: path.join(dir, "upper"),
    work: path.join(dir, "work"),
  };
  if (driver === "overlay") {
    const isVolatile = options.remove && planned.isNew;
    // The kernel mounts a work directory of a volatile overlay no second time.
    const work = isVolatile ? path.join(dir, "work-volatile") : directories.work;
    return { driver, ...directories, work, isVolatile };
  }
  return {
    driver,
    program: findProgram("fuse-overlayfs") ?? "fuse-overlayfs",
    ...directories,
    dir,
  };
}

/** Mode of the image's own root directory. */
function rootMode(lowers: readonly string[]): number {
  const [top] = lowers;
  return top === undefined ? 0o755 : statSync(top).mode & 0o7777;
}

/** Directories of the image's layers, topmost first, as overlayfs wants them. */
export function lowerDirectories(context: EngineContext, planned: RootfsOwner): string[] {
  const { rootfs } = planned.options;
  if (rootfs !== undefined) return [rootfs.path];
  const layers = planned.image?.layers ?? [];
  const { key } = planned.mapping;
  const directories = layers.map(({ chainId }) => context.store.layers.diffPath(key, chainId));
  return visibleLayers(directories.reverse());
}

/** @returns of each whether it is new. */
function makeDirectories(directories: readonly string[]): readonly boolean[] {
  return directories.map((directory) => {
    try {
      mkdirSync(directory, { mode: 0o755 });
      return true;
    } catch (error) {
      // An earlier start has made it, or the driver before this one.
      if (isErrno(error, "EEXIST")) return false;
      throw toFileError(error, `make ${directory}`);
    }
  });
}
