import { closeSync, openSync } from "node:fs";
import { type ContainerOptions, defaultContainerOptions } from "../../container/options.ts";
import { toTsmanError } from "../../errors/index.ts";
import { type EngineContext, mappingFor } from "../context.ts";
import type { ContainerService } from "../types.ts";
import { checkConfiguration } from "./configuration-check.ts";
import {
  checkCgroups,
  checkKernel,
  checkLinger,
  checkRuntimeDir,
  checkStoreFilesystem,
} from "./host-checks.ts";
import { checkMapTools, checkSubordinateIds, checkUserNamespaces } from "./id-checks.ts";
import { checkLowPorts, checkPing, checkSlirp, checkTun } from "./network-checks.ts";
import { broken, type DoctorCheck, type DoctorReport, limited, ok } from "./report.ts";
import { checkSeccomp } from "./seccomp-check.ts";

/** Examines this host by outcome: maps ids, mounts, brings up a network, runs containers. */
export async function examineHost(
  context: EngineContext,
  containers: ContainerService,
): Promise<DoctorReport> {
  const host = context.host();
  const mapping = mappingFor(context, { mode: "default" });
  const checks: DoctorCheck[] = [
    checkKernel(),
    await checkUserNamespaces(mapping),
    checkSubordinateIds(mapping),
    checkMapTools(host),
    await checkSeccomp(context),
    await checkContainer(containers),
    checkRootfsDriver(context),
    checkTun(),
    await checkSlirp(),
    await checkNetwork(containers),
    checkPing(),
    checkLowPorts(),
    checkCgroups(),
    checkRuntimeDir(context.paths),
    checkStoreFilesystem(context.paths),
    checkLinger(),
    await checkConfiguration(context),
  ];
  return { canRun: !checks.some((check) => check.isFatal), checks };
}

/** Runs the embedded image without a network. */
async function checkContainer(containers: ContainerService): Promise<DoctorCheck> {
  const title = "a container";
  const outcome = await tryRun(containers, { network: { mode: "none" }, command: ["true"] });
  if (outcome === undefined) return ok("container", title, "ran one from the embedded image");
  return broken("container", title, { ...outcome, consequence: "no container can start" }, true);
}

/** Runs it with the default network and looks for an address and a default route inside. */
async function checkNetwork(containers: ContainerService): Promise<DoctorCheck> {
  const title = "container network";
  const outcome = await tryRun(containers, {
    command: ["sh", "-c", "ip -4 addr show tap0 | grep -q inet && ip route | grep -q default"],
  });
  if (outcome === undefined) return ok("network", title, "brought one up with address and route");
  const consequence = "containers have no network of their own: --network none or host still work";
  return broken("network", title, { ...outcome, consequence }, false);
}

async function tryRun(
  containers: ContainerService,
  options: Partial<ContainerOptions>,
): Promise<{ readonly found: string; readonly remedy: string } | undefined> {
  const devNull = openSync("/dev/null", "r+");
  try {
    const session = await containers.launch(
      { ...defaultContainerOptions, image: "localhost/busybox", remove: true, ...options },
      { stdin: devNull, stdout: devNull, stderr: devNull },
    );
    const { status } = await session.exited;
    if (status === 0) return undefined;
    return { found: `the program ended with status ${status}`, remedy: "see the lines above" };
  } catch (error) {
    const failure = toTsmanError(error, "run a container");
    return { found: failure.message, remedy: failure.hint ?? "see the lines above" };
  } finally {
    closeSync(devNull);
  }
}

/** Which way of putting the root file system together has worked. */
function checkRootfsDriver(context: EngineContext): DoctorCheck {
  const driver = context.store.settings.get("rootfs-driver");
  const title = "root file system";
  if (driver === "overlay") return ok("rootfs", title, "kernel overlay in the user namespace");
  if (driver === undefined) {
    return limited("rootfs", title, {
      found: "no container has started, so nothing was tried",
      consequence: "unknown",
      remedy: "mend the lines above first",
    });
  }
  return limited("rootfs", title, {
    found: `the kernel's overlay was refused; ${driver} is used`,
    consequence: driver === "copy" ? "every start copies the image" : "file access is slower",
    remedy:
      driver === "copy"
        ? "install fuse-overlayfs, or use a kernel of 5.13 or later with a local store"
        : "use a kernel of 5.13 or later with the store on a local ext4, xfs, btrfs or tmpfs",
  });
}
