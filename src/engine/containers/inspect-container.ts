import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { neededContainers } from "../../bundle/joins.ts";
import { readLimits } from "../../cgroup/usage.ts";
import { type BundleDocument, readBundleDocument } from "../../container/bundle-document.ts";
import { readProcessIdentity } from "../../container/liveness.ts";
import type { ContainerOptions } from "../../container/options.ts";
import { slirpAddresses } from "../../network/slirp4netns.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import type { ContainerDetails, IdRangeDetails } from "../details-types.ts";
import type { ContainerSize } from "../types.ts";
import { groupInForce } from "./container-cgroup.ts";
import { containerSummary } from "./container-summary.ts";
import { listExecSessions } from "./exec-sessions.ts";
import { configFileName } from "./find-container.ts";
import { healthDetails } from "./health-details.ts";
import { containerLogFile } from "./log-target.ts";
import { mountDetails } from "./mount-details.ts";
import { rootfsPaths } from "./rootfs-paths.ts";

/** Everything about a container; what its program was given is read from its config.json. */
export async function inspectContainer(
  context: EngineContext,
  record: ContainerRecord,
  request: { readonly size?: boolean | undefined } = {},
): Promise<ContainerDetails> {
  const { options } = record;
  const { store } = context;
  const image = record.imageId === undefined ? undefined : store.images.findById(record.imageId);
  const dir = store.containers.dir(record.id);
  const runDir = store.containers.runDir(record.id);
  const ociConfig = path.join(dir, configFileName);
  const document = readBundleDocument(ociConfig);
  const summary = containerSummary(context, record);
  const isUp = summary.pid !== undefined;
  const { capabilities, rlimits = [] } = document?.process ?? {};
  return {
    ...summary,
    size: request.size === true ? await sizeOf(context, record) : undefined,
    options,
    imageDigest: image?.manifestDigest,
    environment: document?.process.env ?? [],
    workdir: document?.process.cwd ?? options.workdir ?? "/",
    user: document?.process.user.username ?? options.user ?? "",
    ...commandParts(record, image),
    hostname: document?.hostname ?? options.hostname ?? "",
    umask: document?.process.user.umask ?? options.umask ?? 0o022,
    mountPoints: mountDetails(context, options.mounts, document),
    anonymousVolumes: anonymousVolumes(options, image),
    exposedPorts: exposedPorts(options, image),
    stopSignal: record.stopSignal,
    ...(isUp && networkAddress(options)),
    sandbox: isUp ? `/proc/${summary.pid}/ns/net` : undefined,
    capabilities: {
      effective: capabilities?.effective.toSorted() ?? [],
      bounding: capabilities?.bounding.toSorted() ?? [],
    },
    rlimits: rlimits.map(({ type, soft, hard }) => ({ name: type, soft, hard })),
    maskedPaths: document?.linux.maskedPaths ?? [],
    readonlyPaths: document?.linux.readonlyPaths ?? [],
    idMapping: {
      uid: idRanges(document?.linux.uidMappings),
      gid: idRanges(document?.linux.gidMappings),
    },
    dependencies: dependencies(context, options),
    execIds: isUp ? listExecSessions(context, record.id) : [],
    monitorPid: isUp ? readProcessIdentity(runDir, "monitor")?.pid : undefined,
    cgroupPath: cgroupPath(summary.pid),
    group: isUp ? groupDetails(context, record) : undefined,
    paths: {
      directory: dir,
      ociConfig,
      monitor: path.join(runDir, "monitor"),
      log: containerLogFile(context, record),
      resolvConf: existing(path.join(dir, "resolv.conf")),
      hosts: existing(path.join(dir, "hosts")),
      hostnameFile: existing(path.join(dir, "hostname")),
    },
    driver: record.driver ?? "overlay",
    ...healthDetails(record, image, runDir),
    rootfs: rootfsPaths(context, record, image),
  };
}

async function sizeOf(
  context: EngineContext,
  record: ContainerRecord,
): Promise<ContainerSize | undefined> {
  const { containerSizes } = await import("./container-size.ts");
  return (await containerSizes(context, [record])).get(record.id);
}

/** The command taken apart: `--entrypoint`, else the image's. */
function commandParts(
  { command, options }: ContainerRecord,
  image: ImageRecord | undefined,
): Pick<ContainerDetails, "entrypoint" | "arguments"> {
  const wanted = options.entrypoint ?? image?.config.config.entrypoint ?? [];
  // The image's is in the command unless it was changed since.
  const isThere = wanted.length > 0 && wanted.every((word, index) => command[index] === word);
  return isThere
    ? { entrypoint: wanted, arguments: command.slice(wanted.length) }
    : { arguments: command };
}

function networkAddress(
  options: ContainerOptions,
): Pick<ContainerDetails, "ipAddress" | "ipPrefixLength" | "gateway"> {
  if (options.network.mode !== "slirp4netns") return {};
  const { container, gateway, cidr } = slirpAddresses(options.network.options.cidr);
  return { ipAddress: container, gateway, ipPrefixLength: Number(cidr.split("/")[1]) };
}

function anonymousVolumes(
  options: ContainerOptions,
  image: ImageRecord | undefined,
): readonly string[] {
  const own = options.mounts
    .filter((mount) => mount.type === "volume" && mount.name === undefined)
    .map((mount) => mount.target);
  return [...new Set([...own, ...(image?.config.config.volumes ?? [])])];
}

function exposedPorts(
  options: ContainerOptions,
  image: ImageRecord | undefined,
): readonly string[] {
  const own = [...options.expose, ...options.ports].map(
    ({ containerPort, protocol }) => `${containerPort}/${protocol}`,
  );
  const ofImage = (image?.config.config.exposedPorts ?? []).map((port) =>
    port.includes("/") ? port : `${port}/tcp`,
  );
  return [...new Set([...ofImage, ...own])];
}

function idRanges(ranges: BundleDocument["linux"]["uidMappings"] = []): readonly IdRangeDetails[] {
  return ranges.map(({ containerID, hostID, size }) => ({
    containerId: containerID,
    hostId: hostID,
    size,
  }));
}

function dependencies(context: EngineContext, options: ContainerOptions): readonly string[] {
  const ids = neededContainers(options).map(
    (container) => context.store.containers.find(container)?.id ?? container,
  );
  return [...new Set(ids)];
}

/** The line of cgroup version 2; cgroups(7), /proc/PID/cgroup. */
function cgroupPath(pid: number | undefined): string | undefined {
  if (pid === undefined) return undefined;
  try {
    return /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[1];
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}

function groupDetails(context: EngineContext, { id }: ContainerRecord): ContainerDetails["group"] {
  const group = groupInForce(context, id);
  if (group === undefined) return undefined;
  const manager = group.unit === undefined ? "cgroupfs" : "systemd";
  return { manager, limits: readLimits(group.path) };
}

function existing(file: string): string | undefined {
  return existsSync(file) ? file : undefined;
}
