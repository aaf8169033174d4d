import { mkdirSync } from "node:fs";
import path from "node:path";
import { TsmanError } from "../../../errors/index.ts";
import { nativeProgram } from "../../../platform/native.ts";
import { runProgram } from "../../../platform/process.ts";
import type { RootfsPlan } from "../../../runtime/launch-context.ts";
import type { ContainerRecord } from "../../../store/containers.ts";
import type { EngineContext } from "../../context.ts";
import type { ContainerMountPoint } from "../../file-types.ts";
import { mountedTargets, unmountTarget } from "../../mounted.ts";
import { assertOwnNamespace } from "../../own-namespace.ts";
import { getContainer } from "../find-container.ts";
import { lockIdleContainer } from "../lock-container.ts";
import { prepareRootfs } from "../rootfs-driver.ts";
import { rootfsOf } from "./container-view.ts";

/**
 * Mounts a container's root file system in this process's mount namespace: to be changed, or, of
 * one that runs, to be read.
 *
 * @throws TsmanError OPTION_UNSUPPORTED outside of `tsman unshare`: a mount of an ordinary user
 * lives in a namespace of its own, and nobody keeps one for later commands
 */
export async function mountContainer(
  context: EngineContext,
  nameOrId: string,
): Promise<ContainerMountPoint> {
  const record = getContainer(context, nameOrId);
  const { id, name } = record;
  assertOwnNamespace(`container ${name}`, {
    session: `tsman unshare sh -c 'ls "$(tsman mount ${name})"'`,
    instead: `copy files, which needs no mount: tsman cp ${name}:PATH .`,
  });
  const mounted = findMount(context, record);
  if (mounted !== undefined) return mounted;
  const { owner, driver, plan } = rootfsOf(context, record);
  if (plan.driver === "copy") {
    await prepareRootfs(context, owner, driver);
    return { id, name, path: plan.path };
  }
  const target = mountPoint(context, record);
  const lock = await lockIdleContainer(context, record);
  try {
    if (lock !== undefined) await prepareRootfs(context, owner, driver);
    mkdirSync(target, { recursive: true, mode: 0o700 });
    const result = await runProgram(nativeProgram(), [
      ...["mount", target, ...mountWords(plan, target, lock !== undefined)],
    ]);
    if (result.status !== 0) {
      const why = result.stderr.toString("utf8").trim();
      throw new TsmanError("RUNTIME_FAILED", `mount container ${name}: ${why}`);
    }
  } finally {
    lock?.release();
  }
  tell(context, record, "mount");
  return { id, name, path: target };
}

/** What `tsman-native mount` takes: native/view.h. */
function mountWords(
  plan: Exclude<RootfsPlan, { readonly driver: "copy" }>,
  target: string,
  isIdle: boolean,
): readonly string[] {
  const { driver, upper, work, lowers } = plan;
  const layers = [upper, ...lowers];
  if (driver === "overlay") {
    return isIdle ? [driver, upper, work, ...lowers] : ["read-overlay", ...layers];
  }
  const head = [driver, plan.program, target];
  return isIdle ? [...head, upper, work, ...lowers] : [...head, "", "", ...layers];
}

/** Unmounts it from this process's mount namespace; whether it was mounted there. */
export async function unmountContainer(
  context: EngineContext,
  nameOrId: string,
  options: { readonly force?: boolean | undefined } = {},
): Promise<boolean> {
  const record = getContainer(context, nameOrId);
  const mounted = findMount(context, record);
  if (mounted === undefined) return false;
  unmountTarget(mounted.path, options.force === true);
  tell(context, record, "unmount");
  return true;
}

/** The containers that are mounted in this process's mount namespace. */
export function listMounts(context: EngineContext): ContainerMountPoint[] {
  return context.store.containers.list().flatMap((record) => {
    const mounted = findMount(context, record);
    return mounted === undefined ? [] : [mounted];
  });
}

function findMount(
  context: EngineContext,
  record: ContainerRecord,
): ContainerMountPoint | undefined {
  const target = mountPoint(context, record);
  if (!mountedTargets().has(target)) return undefined;
  return { id: record.id, name: record.name, path: target };
}

function mountPoint(context: EngineContext, { id }: ContainerRecord): string {
  return path.join(context.store.containers.dir(id), "merged");
}

function tell(context: EngineContext, record: ContainerRecord, status: "mount" | "unmount"): void {
  const { id, name, imageName } = record;
  context.events.emit({ type: "container", status, id, name, image: imageName });
}
