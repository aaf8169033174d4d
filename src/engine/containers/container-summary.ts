import { readHealth } from "../../container/health-state.ts";
import type { ContainerMount, NetworkRequest } from "../../container/options.ts";
import type { ContainerState as MonitoredState } from "../../container/state.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import type { ContainerState, ContainerSummary } from "../types.ts";
import { containerState, isUp } from "./find-container.ts";
import { isRestarting } from "./next-life.ts";

/** What `ps` shows of a container, with the kernel's word on whether it runs. */
export function containerSummary(
  context: EngineContext,
  record: ContainerRecord,
): ContainerSummary {
  const state = containerState(context, record);
  const exit = state.status === "exited" ? state.exit : undefined;
  return {
    id: record.id,
    name: record.name,
    image: record.imageName,
    imageId: record.imageId,
    command: record.command,
    createdAt: record.createdAt,
    state: isRestarting(context, record, state) ? "restarting" : shownState(state.status),
    startedAt: record.startedAt,
    finishedAt: exit?.finishedAt,
    exitCode: exit?.exitCode,
    isOutOfMemory: exit?.isOutOfMemory,
    pid: "pid" in state ? state.pid : undefined,
    ports: record.ports,
    exposed: record.options.expose,
    labels: record.options.labels,
    mounts: record.options.mounts.map((mount: ContainerMount) => mount.target),
    network: networkName(record.options.network),
    mountSources: record.options.mounts.map(mountSource),
    autoRemove: record.options.remove,
    restarts: record.restarts,
    restartPolicy: record.options.restart?.policy,
    cidFile: record.options.cidFile,
    health: isUp(state)
      ? readHealth(context.store.containers.runDir(record.id))?.status
      : undefined,
    tty: record.options.tty,
    interactive: record.options.interactive,
  };
}

function shownState(status: MonitoredState["status"]): ContainerState {
  return status === "exited" ? "stopped" : status;
}

/** What is mounted, as `--filter volume` finds it. */
function mountSource(mount: ContainerMount): string {
  if (mount.type === "bind") return mount.source;
  return mount.type === "volume" ? (mount.name ?? "") : "";
}

/** `slirp4netns`, `none`, `host`, `container:NAME`, `ns:PATH`. */
export function networkName(network: NetworkRequest): string {
  if (network.mode === "path") return `ns:${network.path}`;
  return network.mode === "container" ? `container:${network.container}` : network.mode;
}
