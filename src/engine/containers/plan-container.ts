import { existsSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Bundle, JoinTarget } from "../../bundle/bundle.ts";
import { compileBundle } from "../../bundle/compile-bundle.ts";
import { readHostFacts } from "../../bundle/host-facts.ts";
import { resolveHostname } from "../../bundle/hostname.ts";
import { listVolumes, type VolumeNeed } from "../../bundle/user-mounts.ts";
import { newContainerId, randomContainerName } from "../../container/names.ts";
import type { BindMount, ContainerOptions } from "../../container/options.ts";
import { TsmanError } from "../../errors/index.ts";
import type { NetworkDescription } from "../../network/describe-network.ts";
import { hostPlatform } from "../../oci/platform.ts";
import { localCandidates } from "../../oci/reference.ts";
import { randomHex } from "../../platform/random.ts";
import type { IdMapping } from "../../rootless/id-mapping.ts";
import type { ImageRecord } from "../../store/images.ts";
import { type EngineContext, mappingFor } from "../context.ts";
import { ensureImage } from "../images/ensure-image.ts";
import type { RunIo } from "../types.ts";
import { describeContainerNetwork } from "./container-network.ts";
import { containerState } from "./find-container.ts";

/** A volume that the container needs, and the name under which the store has or will have it. */
export interface PlannedVolume extends VolumeNeed {
  readonly volumeName: string;
}

/** What a container is going to be, before anything of it exists. */
export interface ContainerPlan {
  readonly id: string;
  readonly name: string;
  readonly options: ContainerOptions;
  /** Missing with `--rootfs`. */
  readonly image: ImageRecord | undefined;
  /** Full name of the image, or the path of the rootfs. */
  readonly imageName: string;
  readonly mapping: IdMapping;
  readonly volumes: readonly PlannedVolume[];
  readonly bundle: Bundle;
  readonly network: NetworkDescription;
}

/** What of {@link RunIo} concerns the fetching of an image. */
export type FetchIo = Pick<
  RunIo,
  "signal" | "onProgress" | "tlsVerify" | "authFile" | "credentials"
>;

/**
 * Decides everything about a container that is to be made from `options`; the image is fetched
 * when its pull policy says so, nothing else is changed.
 *
 * @throws TsmanError USAGE and the like for what cannot be meant, whatever a pull throws,
 * CONTAINER_NOT_FOUND and CONTAINER_NOT_RUNNING for `container:NAME`.
 */
export async function planContainer(
  context: EngineContext,
  options: ContainerOptions,
  io: FetchIo,
): Promise<ContainerPlan> {
  for (const mount of options.mounts) if (mount.type === "bind") assertSource(mount);
  const image = await imageOf(context, options, io);
  const { mapping, join } = joined(context, options) ?? {
    mapping: mappingFor(context, options.userns),
    join: undefined,
  };
  const id = newContainerId();
  const name = options.name ?? randomContainerName();
  const dir = context.store.containers.dir(id);
  const volumes = listVolumes(options, image?.config.config.volumes ?? []).map((need) => ({
    ...need,
    volumeName: need.name ?? randomHex(32),
  }));
  const imageName = imageNameOf(options, image);
  const host = readHostFacts(options);
  const network = describeContainerNetwork(
    options,
    { hostname: resolveHostname(options, id, host, join?.hostname).name, name },
    image?.config.config.exposedPorts ?? [],
  );
  const bundle = compileBundle({
    id,
    name,
    options,
    image: image?.config,
    imageName,
    imageId: image?.id,
    mapping,
    host,
    dir,
    rootPath: options.rootfs?.path ?? path.join(dir, "merged"),
    volumes: Object.fromEntries(
      volumes.map((volume) => [volume.target, context.store.volumes.dataDir(volume.volumeName)]),
    ),
    network,
    join,
    seccompProfile: await seccompProfile(options),
    architecture: hostPlatform().architecture,
    kernelRelease: os.release(),
  });
  return { id, name, options, image, imageName, mapping, volumes, bundle, network };
}

/** Said before anything is pulled; what is mounted is opened once, later (security case S74). */
function assertSource({ source, target }: BindMount): void {
  if (existsSync(source)) return;
  throw new TsmanError(
    "USAGE",
    `mount ${source} on ${target}: no such file or directory, or none that you may see`,
    { hint: `check the path, or make it first: mkdir -p ${source}`, details: { source, target } },
  );
}

async function imageOf(
  context: EngineContext,
  options: ContainerOptions,
  io: FetchIo,
): Promise<ImageRecord | undefined> {
  if (options.rootfs !== undefined) return undefined;
  if (options.image === undefined) {
    throw new TsmanError("USAGE", "make a container: no image is named", {
      hint: "name one: tsman run IMAGE [COMMAND]",
    });
  }
  return await ensureImage(context, options.image, {
    policy: options.pull,
    platform: options.platform,
    ...io,
  });
}

function imageNameOf(options: ContainerOptions, image: ImageRecord | undefined): string {
  if (image === undefined) return options.rootfs?.path ?? "";
  // Of several names the one that the user wrote is the one to show.
  const written = localCandidates(options.image ?? "").find((name) => image.names.includes(name));
  return written ?? image.names[0] ?? image.digests[0] ?? image.id;
}

/**
 * For `container:NAME` modes: the running container whose namespaces are joined, and with them its
 * user namespace, which owns them (setns(2) asks for capabilities there).
 */
function joined(
  context: EngineContext,
  options: ContainerOptions,
): { readonly join: JoinTarget; readonly mapping: IdMapping } | undefined {
  const names = new Set(
    [options.pid, options.ipc, options.uts, options.network].flatMap((request) =>
      request.mode === "container" ? [request.container] : [],
    ),
  );
  const [name, ...others] = names;
  if (name === undefined) return undefined;
  if (others.length > 0) {
    throw new TsmanError(
      "USAGE",
      `join the namespaces of ${[...names].join(" and ")}: they have different user namespaces`,
      { hint: "join one container only" },
    );
  }
  const record = context.store.containers.find(name);
  if (record === undefined) {
    // Not CONTAINER_NOT_FOUND: its exit status 1 would pass for the program's own.
    throw new TsmanError("USAGE", `join the namespaces of container ${name}: no such container`, {
      hint: "choose one from: tsman ps",
    });
  }
  const state = containerState(context, record);
  if (state.status !== "running") {
    throw new TsmanError(
      "CONTAINER_NOT_RUNNING",
      `join the namespaces of container ${record.name}: it does not run`,
      { hint: `start it first, or choose another one from: tsman ps` },
    );
  }
  const dir = context.store.containers.dir(record.id);
  return {
    mapping: record.mapping,
    join: {
      container: name,
      pid: state.pid,
      hostname: record.options.hostname ?? record.id.slice(0, 12),
      hostsPath: existing(path.join(dir, "hosts")),
      resolvConfPath: existing(path.join(dir, "resolv.conf")),
    },
  };
}

/** Without a network, or with `--no-hosts`, a container has no such file. */
function existing(file: string): string | undefined {
  return existsSync(file) ? file : undefined;
}

async function seccompProfile(options: ContainerOptions) {
  const { seccomp } = options.security;
  if (seccomp === "default" || seccomp === "unconfined") return undefined;
  const { readSeccompProfile } = await import("../../bundle/seccomp/docker-profile.ts");
  return readSeccompProfile(seccomp);
}
