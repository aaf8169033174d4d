import type { ContainerSummary, PortBinding } from "../../engine/types.ts";
import { humanAge, humanDuration } from "./human.ts";
import type { ListingRow } from "./listing.ts";

/** How container rows are made. */
export interface ContainerRowStyle {
  readonly isFull: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What users call a state: Podman's words. */
export function shownState(container: Pick<ContainerSummary, "state">): string {
  return container.state === "stopped" ? "exited" : container.state;
}

/** `Up 3 minutes`, `Exited (1) 2 hours ago`. */
export function statusText(container: ContainerSummary, now: number): string {
  switch (container.state) {
    case "created":
      return "Created";
    case "running":
    case "paused": {
      const since = container.startedAt === undefined ? undefined : Date.parse(container.startedAt);
      const up = since === undefined ? "" : ` ${humanDuration(Math.max(0, now - since))}`;
      return `Up${up}${container.state === "paused" ? " (Paused)" : ""}`;
    }
    case "stopped": {
      // Nobody may invent a status: an unknown one is said to be unknown.
      const code = container.exitCode === undefined ? "unknown" : String(container.exitCode);
      const when =
        container.finishedAt === undefined ? "" : ` ${humanAge(container.finishedAt, now)}`;
      return `Exited (${code})${when}`;
    }
  }
}

/** `0.0.0.0:8080->80/tcp, …`; neighbours become a range. */
export function portsText(ports: readonly PortBinding[]): string {
  const parts: string[] = [];
  for (let index = 0; index < ports.length; ) {
    const first = ports[index] as PortBinding;
    let length = 1;
    for (; index + length < ports.length; length += 1) {
      const next = ports[index + length] as PortBinding;
      const follows =
        next.hostIp === first.hostIp &&
        next.protocol === first.protocol &&
        next.hostPort === first.hostPort + length &&
        next.containerPort === first.containerPort + length;
      if (!follows) break;
    }
    const span = (port: number): string =>
      length === 1 ? `${port}` : `${port}-${port + length - 1}`;
    const ip = first.hostIp.includes(":") ? `[${first.hostIp}]` : first.hostIp;
    parts.push(`${ip}:${span(first.hostPort)}->${span(first.containerPort)}/${first.protocol}`);
    index += length;
  }
  return parts.join(", ");
}

/** The command as one cell; long ones are cut as Podman cuts them. */
function commandText(command: readonly string[], isFull: boolean): string {
  const text = command.join(" ");
  const limit = 17;
  return isFull || text.length <= limit + 3 ? text : `${text.slice(0, limit)}...`;
}

/** Rows of `tsman ps`. */
export function containerRows(
  containers: readonly ContainerSummary[],
  style: ContainerRowStyle,
): readonly ListingRow[] {
  return containers.map((container) => ({
    json: containerJson(container, style.now),
    fields: {
      ID: style.isFull ? container.id : container.id.slice(0, 12),
      Image: container.image,
      ImageID: shortImageId(container.imageId, style.isFull),
      Command: commandText(container.command, style.isFull),
      Created: humanAge(container.createdAt, style.now),
      CreatedAt: container.createdAt,
      CreatedHuman: humanAge(container.createdAt, style.now),
      RunningFor: humanAge(container.createdAt, style.now),
      StartedAt: container.startedAt ?? "",
      ExitedAt: container.finishedAt ?? "",
      ExitCode: container.exitCode,
      Exited: container.state === "stopped",
      State: shownState(container),
      Status: statusText(container, style.now),
      Ports: portsText(container.ports),
      Names: container.name,
      Labels: Object.entries(container.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(","),
      Label: (key: unknown) => container.labels[String(key)] ?? "",
      Mounts: style.isFull
        ? container.mounts
        : container.mounts.map((mount) => (mount.length > 15 ? `${mount.slice(0, 12)}...` : mount)),
      Networks: container.network,
      Pid: container.pid ?? 0,
    },
  }));
}

function shortImageId(id: string | undefined, isFull: boolean): string {
  const digits = id?.replace(/^sha256:/, "") ?? "";
  return isFull ? digits : digits.slice(0, 12);
}

function containerJson(container: ContainerSummary, now: number): object {
  const unix = (moment: string | undefined): number | null =>
    moment === undefined ? null : Math.trunc(Date.parse(moment) / 1000);
  return {
    Command: container.command,
    CreatedAt: humanAge(container.createdAt, now),
    Created: unix(container.createdAt),
    Exited: container.state === "stopped",
    ExitedAt: unix(container.finishedAt),
    // null, not 0: nobody knows it (or there is none yet).
    ExitCode: container.exitCode ?? null,
    Id: container.id,
    Image: container.image,
    ImageID: shortImageId(container.imageId, true),
    IsInfra: false,
    Labels: container.labels,
    Mounts: container.mounts,
    Names: [container.name],
    Networks:
      container.network === "none" || container.network === "host" ? [] : [container.network],
    Pid: container.pid ?? 0,
    Pod: "",
    PodName: "",
    Ports: container.ports.map((port) => ({
      host_ip: port.hostIp,
      container_port: port.containerPort,
      host_port: port.hostPort,
      range: 1,
      protocol: port.protocol,
    })),
    StartedAt: unix(container.startedAt),
    State: shownState(container),
    Status: statusText(container, now),
  };
}
