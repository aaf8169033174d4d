import { closeSync, constants, existsSync, fstatSync, openSync, statfsSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { TsmanError } from "../../../errors/index.ts";
import type { InsidePlace } from "../../../layer/inside-worker.ts";
import { toFileError } from "../../../platform/errno.ts";
import { readLife } from "../../../platform/process-start-time.ts";
import type { RootfsPlan } from "../../../runtime/launch-context.ts";
import type { ContainerRecord } from "../../../store/containers.ts";
import type { EngineContext } from "../../context.ts";
import { containerState, isUp } from "../find-container.ts";
import { busyDelay, lockIdleContainer } from "../lock-container.ts";
import {
  describeRootfs,
  firstDriver,
  prepareRootfs,
  type RootfsDriver,
  type RootfsOwner,
} from "../rootfs-driver.ts";
import { findWatcher } from "../watchers.ts";

/** openat2(2)'s O_PATH, which Node does not name. */
const O_PATH = 0o10000000;
/** statfs(2): FUSE_SUPER_MAGIC. */
const fuseType = 0x65735546;
const openDirectory = O_PATH | constants.O_DIRECTORY;

/** Files of a container for an inside worker; closed after the worker was started. */
export interface OpenView {
  readonly place: InsidePlace;
  /** Closes descriptors, which the worker has inherited. */
  close(): void;
}

/** What a record says of its container's root file system. */
export function rootfsOwner(context: EngineContext, record: ContainerRecord): RootfsOwner {
  const { id, options, mapping, imageId } = record;
  const image = imageId === undefined ? undefined : context.store.images.findById(imageId);
  if (imageId !== undefined && image === undefined) {
    throw new TsmanError(
      "IMAGE_NOT_FOUND",
      `read the files of container ${record.name}: its image ${record.imageName} is not there`,
    );
  }
  return { id, options, mapping, image, isNew: false };
}

/** How the root file system of a container comes about, or came about at its last start. */
export function rootfsOf(
  context: EngineContext,
  record: ContainerRecord,
): { readonly owner: RootfsOwner; readonly driver: RootfsDriver; readonly plan: RootfsPlan } {
  const owner = rootfsOwner(context, record);
  // Noted at a start, if it is not the usual one.
  const driver =
    record.driver ?? (record.startedAt === undefined ? firstDriver(context) : "overlay");
  return { owner, driver, plan: describeRootfs(context, owner, driver) };
}

/**
 * Opens what a container's programs see: of one that runs its own mounts, volumes included, else
 * its root file system, to be changed too.
 *
 * Nothing in the container is executed, and no path in it is looked up here.
 *
 * @param work what is done with it; as long as it goes on nobody can start or remove a container
 * that does not run.
 */
export async function withContainerFiles<T>(
  context: EngineContext,
  record: ContainerRecord,
  signal: AbortSignal | undefined,
  work: (view: OpenView) => Promise<T>,
): Promise<T> {
  for (;;) {
    const lock = await lockIdleContainer(context, record, signal);
    if (lock === undefined) {
      const view = openRunning(context, record);
      if (view !== undefined) return await withView(view, work);
      // It has ended since, and there is a lock to be had; or its program does not run yet.
      await delay(busyDelay, undefined, { signal });
      continue;
    }
    try {
      return await withView(await openIdle(context, record), work);
    } finally {
      lock.release();
    }
  }
}

/**
 * Opens a container's root file system to be read: without volumes and other mounts, and the same
 * whether it runs or not.
 */
export async function withRootfs<T>(
  context: EngineContext,
  record: ContainerRecord,
  work: (view: OpenView) => Promise<T>,
): Promise<T> {
  return await withView(openStored(context, record), work);
}

async function withView<T>(view: OpenView, work: (view: OpenView) => Promise<T>): Promise<T> {
  try {
    return await work(view);
  } finally {
    view.close();
  }
}

/**
 * The root of init, in the container's mount namespace.  The worker gets a user namespace of its
 * own with the same ids: it may write what root of the container may, but nobody in the container
 * may trace it, not even with the host's pid namespace.
 */
function openRunning(context: EngineContext, record: ContainerRecord): OpenView | undefined {
  const before = containerState(context, record);
  if (!isUp(before)) return undefined;
  const descriptors: number[] = [];
  const close = closingOnce(descriptors);
  // Until then this root may be the host's, which init is about to leave.
  if (readLife(before.pid)?.hasExecuted !== true) return undefined;
  try {
    const fd = openSync(`/proc/${before.pid}/root`, openDirectory);
    descriptors.push(fd);
    const isFuse = statfsSync(`/proc/${before.pid}/root`).type === fuseType;
    if (isFuse) descriptors.push(openSync(`/proc/${before.pid}/ns/user`, constants.O_RDONLY));
    const after = containerState(context, record);
    // Else the pid may be another process's by now.
    if (!isUp(after) || after.pid !== before.pid) {
      close();
      return undefined;
    }
    const [, usernsFd] = descriptors;
    if (usernsFd === undefined) {
      return { place: { kind: "directory", fd, mapping: record.mapping }, close };
    }
    assertUntraceable(context, record, usernsFd);
    return { place: { kind: "joined", fd, usernsFd }, close };
  } catch (error) {
    close();
    if (error instanceof TsmanError) throw error;
    if (!isUp(containerState(context, record))) return undefined;
    throw toFileError(error, `open the files of container ${record.name}`);
  }
}

/**
 * A file system in user space serves its own user namespace only, so the worker has to be there:
 * within reach of every program of that namespace that sees it.
 */
function assertUntraceable(
  context: EngineContext,
  record: ContainerRecord,
  usernsFd: number,
): void {
  const watcher = findWatcher(context, `user:[${fstatSync(usernsFd).ino}]`);
  if (watcher === undefined) return;
  throw new TsmanError(
    "CONTAINER_RUNNING",
    `copy files of container ${record.name}: with fuse-overlayfs and the host's pid namespace programs of ` +
      `container ${watcher.name} could trace whoever copies`,
    { hint: `stop it first: tsman stop ${watcher.name}` },
  );
}

/** To be changed; the container's lock must be held. */
async function openIdle(context: EngineContext, record: ContainerRecord): Promise<OpenView> {
  const { owner, driver } = rootfsOf(context, record);
  const plan = await prepareRootfs(context, owner, driver);
  const { mapping } = record;
  switch (plan.driver) {
    case "copy":
      return openOne(plan.path, record);
    case "overlay":
      return view(["overlay", plan.upper, plan.work, ...plan.lowers], mapping);
    case "fuse-overlayfs":
      return view(
        [
          "fuse-overlayfs",
          plan.program,
          path.join(plan.dir, "merged"),
          plan.upper,
          plan.work,
          ...plan.lowers,
        ],
        mapping,
      );
  }
}

/** To be read. */
function openStored(context: EngineContext, record: ContainerRecord): OpenView {
  const { plan } = rootfsOf(context, record);
  const { mapping } = record;
  if (plan.driver === "copy") return openOne(plan.path, record);
  const layers = [...(existsSync(plan.upper) ? [plan.upper] : []), ...plan.lowers];
  const [only = ""] = layers;
  // No overlay is made of one directory alone.
  if (layers.length === 1) return openOne(only, record);
  if (plan.driver === "overlay") return view(["read-overlay", ...layers], mapping);
  const target = path.join(plan.dir, "merged");
  return view(["fuse-overlayfs", plan.program, target, "", "", ...layers], mapping);
}

/** Closes descriptors; a second time it has nothing to do, and closes no one else's. */
export function closingOnce(descriptors: number[]): () => void {
  return () => {
    for (const fd of descriptors.splice(0)) closeSync(fd);
  };
}

function view(words: readonly string[], mapping: ContainerRecord["mapping"]): OpenView {
  return { place: { kind: "view", words, mapping }, close: () => undefined };
}

function openOne(directory: string, { mapping, name }: ContainerRecord): OpenView {
  try {
    const fd = openSync(directory, openDirectory);
    return { place: { kind: "directory", fd, mapping }, close: closingOnce([fd]) };
  } catch (error) {
    throw toFileError(error, `open the files of container ${name}`);
  }
}
