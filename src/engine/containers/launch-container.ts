import { exitCodeOfWaitStatus } from "../../container/exit-record.ts";
import type { MonitorHandle } from "../../runtime/monitor-handle.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import type { OwnedIo, OwnedSession } from "../owned-session.ts";
import { prepareFilter } from "./container-filter.ts";
import { launch } from "./launch.ts";
import { monitoredSession } from "./monitored-session.ts";
import type { ContainerPlan } from "./plan-container.ts";
import { discardContainer, discardFailed } from "./remove-container.ts";
import type { RootfsDriver } from "./rootfs-driver.ts";

/**
 * Starts a container whose record and bundle are there; resolves when its program runs.
 *
 * @param driver of an earlier start; missing: it has none.
 * @throws TsmanError why not; the record is as it was.
 */
export async function launchContainer(
  context: EngineContext,
  record: ContainerRecord,
  planned: ContainerPlan,
  io: OwnedIo,
  driver?: RootfsDriver,
): Promise<OwnedSession> {
  const launched = await launch(context, planned, {
    io,
    seccompFilter: await prepareFilter(context, record.id, planned.bundle.config.linux.seccomp),
    driver,
    restartStreak: record.restartStreak,
  });
  const { handle, ports } = launched;
  const hasNewDriver = launched.driver !== (record.driver ?? "overlay");
  if (ports.length > 0 || hasNewDriver) {
    context.store.containers.update(record.id, { ports, driver: launched.driver });
  }
  return monitoredSession(record, handle, endOf(context, record, handle));
}

async function endOf(
  context: EngineContext,
  record: ContainerRecord,
  handle: MonitorHandle,
): Promise<{ readonly status: number }> {
  const isRemoved = (): boolean => record.options.remove && !handle.isKept;
  let status: number;
  try {
    status = exitCodeOfWaitStatus(await handle.exited);
  } catch (error) {
    // Its monitor was killed, and may have left the program, which its files lead to.
    if (isRemoved()) await discardFailed(context, record);
    throw error;
  }
  // As Podman does: with the container go the volumes that were made for it alone.
  if (isRemoved()) await discardContainer(context, record, { volumes: true });
  return { status };
}
