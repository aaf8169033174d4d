import type {
  ContainerNamespaces,
  ContainerSize,
  ContainerSummary,
  PortBinding,
} from "../../engine/types.ts";
import { goMap } from "../template/go-map.ts";
import { humanAge, humanDuration, humanSize } from "./human.ts";
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

/** Whether it has had a life that is over. */
export function hasEnded({ state }: Pick<ContainerSummary, "state">): boolean {
  return state === "stopped" || state === "restarting";
}

/** `Up 3 minutes`, `Exited (1) 2 hours ago`. */
export function statusText(container: ContainerSummary, now: number): string {
  switch (container.state) {
    case "created":
      return "Created";
    case "initialized":
      return "Initialized";
    case "running":
    case "paused": {
      const since = container.startedAt === undefined ? undefined : Date.parse(container.startedAt);
      const up = since === undefined ? "" : ` ${humanDuration(Math.max(0, now - since))}`;
      const health = container.health === undefined ? "" : ` (${container.health})`;
      return `Up${up}${container.state === "paused" ? " (Paused)" : health}`;
    }
    case "stopped":
    case "restarting": {
      // Nobody may invent a status: an unknown one is said to be unknown.
      const code = container.exitCode === undefined ? "unknown" : String(container.exitCode);
      const when =
        container.finishedAt === undefined ? "" : ` ${humanAge(container.finishedAt, now)}`;
      return `${container.state === "restarting" ? "Restarting" : "Exited"} (${code})${when}`;
    }
  }
}

/** Neighbouring ports that are published alike. */
interface PortRange {
  readonly first: PortBinding;
  readonly length: number;
}

function portRanges(ports: readonly PortBinding[]): readonly PortRange[] {
  const ranges: PortRange[] = [];
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
    ranges.push({ first, length });
    index += length;
  }
  return ranges;
}

/** `0.0.0.0:8080->80/tcp, …`; neighbours become a range. */
export function portsText(ports: readonly PortBinding[]): string {
  return portRanges(ports)
    .map(({ first, length }) => {
      const span = (port: number): string =>
        length === 1 ? `${port}` : `${port}-${port + length - 1}`;
      const ip = first.hostIp.includes(":") ? `[${first.hostIp}]` : first.hostIp;
      return `${ip}:${span(first.hostPort)}->${span(first.containerPort)}/${first.protocol}`;
    })
    .join(", ");
}

/** `80/tcp, 90/udp`: what was exposed or published. */
function exposedText({ exposed = [], ports }: ContainerSummary): string {
  const names = [...exposed, ...ports].map((port) => `${port.containerPort}/${port.protocol}`);
  return [...new Set(names)].join(", ");
}

/** The command as one cell; long ones are cut as Podman cuts them. */
function commandText(command: readonly string[], isFull: boolean): string {
  const text = command.join(" ");
  const limit = 17;
  return isFull || text.length <= limit + 3 ? text : `${text.slice(0, limit)}...`;
}

/** Rows of `tsman ps`: Podman's fields, and Docker's where it has others. */
export function containerRows(
  containers: readonly ContainerSummary[],
  style: ContainerRowStyle,
): readonly ListingRow[] {
  // A table of a thousand rows needs none of the JSON.
  return containers.map((container) => ({
    get json() {
      return containerJson(container, style.now);
    },
    get fields() {
      return containerFields(container, style);
    },
  }));
}

function containerFields(
  container: ContainerSummary,
  style: ContainerRowStyle,
): ListingRow["fields"] {
  const age = humanAge(container.createdAt, style.now);
  const status = statusText(container, style.now);
  const { namespaces } = container;
  return {
    AutoRemove: container.autoRemove ?? false,
    CGROUPNS: namespaces?.cgroup ?? "",
    CIDFile: container.cidFile ?? "",
    Command: commandText(container.command, style.isFull),
    Created: goTime(container.createdAt),
    CreatedAt: goTime(container.createdAt),
    CreatedHuman: age,
    ExitCode: container.exitCode ?? (hasEnded(container) ? "unknown" : 0),
    Exited: hasEnded(container),
    ExitedAt: unixTime(container.finishedAt),
    ExposedPorts: exposedText(container),
    Health: container.health ?? "",
    ID: style.isFull ? container.id : container.id.slice(0, 12),
    IPC: namespaces?.ipc ?? "",
    Image: container.image,
    ImageID: shortImageId(container.imageId, style.isFull),
    IsInfra: false,
    Label: (key: unknown) => container.labels[String(key)] ?? "",
    Labels: goMap(container.labels),
    LocalVolumes: container.mountSources?.filter((source) => /^[^/]/.test(source)).length ?? 0,
    MNT: namespaces?.mnt ?? "",
    Mounts: style.isFull ? container.mounts : container.mounts.map(shortMount),
    NET: namespaces?.net ?? "",
    Names: container.name,
    Namespaces: namespaces === undefined ? {} : namespacesJson(namespaces),
    Networks: container.network,
    PIDNS: namespaces?.pid ?? "",
    Pid: container.pid ?? 0,
    Pod: "",
    PodName: "",
    Ports: portsText(container.ports),
    Restarts: container.restarts ?? 0,
    RunningFor: age,
    Size: container.size === undefined ? "" : sizeText(container.size),
    StartedAt: unixTime(container.startedAt),
    State: shownState(container),
    Status: status,
    USERNS: namespaces?.user ?? "",
    UTS: namespaces?.uts ?? "",
  };
}

/** Headings that Podman's tables have for fields. */
export const containerHeadings: Readonly<Record<string, string>> = {
  CreatedHuman: "CREATED",
  PIDNS: "PIDNS",
};

/** Seconds since 1970 at which Go's zero time is: Podman's "never". */
const never = -62_135_596_800;

function unixTime(moment: string | undefined): number {
  return moment === undefined ? never : Math.trunc(Date.parse(moment) / 1000);
}

/** A moment as Go prints it: `2026-01-02 03:04:05.678 +0000 UTC`; no zeros at the fraction's end. */
export function goTime(moment: string): string {
  return goMoment(moment).replace("T", " ").replace(/Z$/, " +0000 UTC");
}

/** A moment as Go's JSON has it: `2026-01-02T03:04:05.678Z`, without zeros at the fraction's end. */
export function goMoment(moment: string): string {
  return moment
    .replace(/(\.\d*?)0+(Z|[+-]\d\d:\d\d)$/, "$1$2")
    .replace(/\.(Z|[+-]\d\d:\d\d)$/, "$1");
}

function shortMount(mount: string): string {
  return mount.length > 15 ? `${mount.slice(0, 12)}...` : mount;
}

/** `12B (virtual 1.99MB)`. */
function sizeText({ writable, rootfs }: ContainerSize): string {
  const short = (bytes: number): string => humanSize(bytes).replace(" ", "");
  return `${short(writable)} (virtual ${short(rootfs)})`;
}

function shortImageId(id: string | undefined, isFull: boolean): string {
  const digits = id?.replace(/^sha256:/, "") ?? "";
  return isFull ? digits : digits.slice(0, 12);
}

function namespacesJson(namespaces: ContainerNamespaces): Readonly<Record<string, string>> {
  const { mnt, cgroup, ipc, net, pid, uts, user } = namespaces;
  return { Mnt: mnt, Cgroup: cgroup, Ipc: ipc, Net: net, Pidns: pid, Uts: uts, User: user };
}

/** A container in `--format json`: Podman's members in Podman's order. */
function containerJson(container: ContainerSummary, now: number): object {
  const isStopped = hasEnded(container);
  const { labels, ports, size, namespaces } = container;
  return {
    AutoRemove: container.autoRemove ?? false,
    Command: container.command,
    CreatedAt: humanAge(container.createdAt, now),
    CIDFile: container.cidFile ?? "",
    Exited: isStopped,
    // null, not a number, for what nobody knows.
    ExitedAt:
      isStopped && container.finishedAt === undefined ? null : unixTime(container.finishedAt),
    ExitCode: isStopped ? (container.exitCode ?? null) : 0,
    Id: container.id,
    Image: container.image,
    ImageID: shortImageId(container.imageId, true),
    IsInfra: false,
    Labels: Object.keys(labels).length === 0 ? null : labels,
    Mounts: container.mounts,
    Names: [container.name],
    Namespaces: namespaces === undefined ? {} : namespacesJson(namespaces),
    // As Podman: those that have a name of the user's.
    Networks: [],
    Pid: container.pid ?? 0,
    Pod: "",
    PodName: "",
    Ports: ports.length === 0 ? null : portRanges(ports).map(portJson),
    Restarts: container.restarts ?? 0,
    Size: size === undefined ? null : { rootFsSize: size.rootfs, rwSize: size.writable },
    StartedAt: unixTime(container.startedAt),
    State: shownState(container),
    Status: statusText(container, now),
    Created: unixTime(container.createdAt),
  };
}

function portJson({ first, length }: PortRange): object {
  return {
    host_ip: first.hostIp === "0.0.0.0" ? "" : first.hostIp,
    container_port: first.containerPort,
    host_port: first.hostPort,
    range: length,
    protocol: first.protocol,
  };
}
