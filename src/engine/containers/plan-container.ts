import { statSync } from "node:fs";
import path from "node:path";
import type { Bundle, HostUser } from "../../bundle/bundle.ts";
import { compileBundle } from "../../bundle/compile-bundle.ts";
import { readHostFacts } from "../../bundle/host-facts.ts";
import { resolveHostname } from "../../bundle/hostname.ts";
import { neededContainers } from "../../bundle/joins.ts";
import { compileResources } from "../../bundle/resources.ts";
import { listVolumes, type VolumeNeed } from "../../bundle/user-mounts.ts";
import { newContainerId, randomContainerName } from "../../container/names.ts";
import type { BindMount, ContainerOptions } from "../../container/options.ts";
import { TsmanError } from "../../errors/index.ts";
import type { NetworkDescription } from "../../network/describe-network.ts";
import { findImageLocation } from "../../oci/image-location.ts";
import { hostPlatform } from "../../oci/platform.ts";
import { isErrno, toFileError } from "../../platform/errno.ts";
import { kernelRelease } from "../../platform/kernel-release.ts";
import { type PreparedNamespaces, prepareNamespaces } from "../../platform/prepared-namespaces.ts";
import { randomHex } from "../../platform/random.ts";
import type { IdMapping } from "../../rootless/id-mapping.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { ImageRecord } from "../../store/images.ts";
import { type EngineContext, mappingFor } from "../context.ts";
import { ensureImage } from "../images/ensure-image.ts";
import { writtenName } from "../images/find-image.ts";
import type { RunIo } from "../types.ts";
import { describeContainerNetwork } from "./container-network.ts";
import { mayHandOver } from "./hand-over.ts";
import { withInheritedMounts } from "./inherited-mounts.ts";
import { type FoundTarget, findJoinTarget, joinedContainer } from "./join-target.ts";

/** A volume that the container needs, and the name under which the store has or will have it. */
export interface PlannedVolume extends VolumeNeed {
  readonly volumeName: string;
}

/** What a container is going to be, before anything of it exists. */
export interface ContainerPlan {
  readonly id: string;
  readonly name: string;
  readonly options: ContainerOptions;
  /** It is made and started in one go, and nobody will ever start it again if it is `--rm`. */
  readonly isNew: boolean;
  /** Missing with `--rootfs`. */
  readonly image: ImageRecord | undefined;
  /** Full name of the image, or the path of the rootfs. */
  readonly imageName: string;
  readonly mapping: IdMapping;
  readonly volumes: readonly PlannedVolume[];
  readonly bundle: Bundle;
  readonly network: NetworkDescription;
  /** Namespaces with the mapping's ids that are being made for it; missing: the monitor makes them. */
  readonly prepared?: PreparedNamespaces | undefined;
}

/** What of {@link RunIo} concerns the fetching of an image. */
export type FetchIo = Pick<
  RunIo,
  "signal" | "onProgress" | "tlsVerify" | "authFile" | "certDir" | "credentials" | "lockFile"
>;

/** What of a plan was decided before: by the container that it is for, when there is one. */
interface Settled {
  readonly id: string;
  readonly name: string;
  readonly image: ImageRecord | undefined;
  readonly imageName: string;
  readonly mapping: IdMapping;
  readonly target: FoundTarget | undefined;
  /** Names for the anonymous volumes, in the order of their needs. */
  readonly anonymousVolumes: readonly string[];
}

/**
 * Decides everything about a container that is to be made from `asked`; the image is fetched
 * when its pull policy says so, nothing else is changed.
 *
 * @param use "run": what it needs is started; "create": nothing runs yet, so that what it joins need
 * not either.
 * @throws TsmanError USAGE and the like for what cannot be meant, whatever a pull throws,
 * CONTAINER_NOT_FOUND and CONTAINER_NOT_RUNNING for `container:NAME`.
 */
export async function planContainer(
  context: EngineContext,
  asked: ContainerOptions,
  io: FetchIo & Pick<RunIo, "handOver">,
  use: "run" | "create" | "explain",
): Promise<ContainerPlan> {
  const wanted = await withRequired(context, withInheritedMounts(context, asked));
  assertSources(wanted);
  const image = await imageOf(context, wanted, io);
  const options = withStoredImage(wanted, image);
  if (use === "run" && neededContainers(options).length > 0) {
    // What cannot be meant starts nothing.
    joinedContainer(options);
    await (await import("./needed-containers.ts")).startNeeded(context, options, io);
  }
  const target = findJoinTarget(context, options, use !== "create");
  const settled = {
    id: newContainerId(),
    name: options.name ?? randomContainerName(),
    image,
    imageName: await imageNameOf(context, options, image),
    mapping: target?.mapping ?? mappingFor(context, await sizedFor(context, options, image)),
    target,
    anonymousVolumes: [],
  };
  return await compile(context, options, settled, use !== "create", io.handOver !== undefined);
}

async function withRequired(
  context: EngineContext,
  options: ContainerOptions,
): Promise<ContainerOptions> {
  if (options.requires === undefined) return options;
  return (await import("./needed-containers.ts")).withRequiredIds(context, options);
}

/** An automatic mapping has room for the image's users. */
async function sizedFor(
  context: EngineContext,
  { userns, user }: ContainerOptions,
  image: ImageRecord | undefined,
): Promise<ContainerOptions["userns"]> {
  if (userns.mode !== "auto" || userns.size !== undefined) return userns;
  const { automaticSize } = await import("./automatic-ids.ts");
  return {
    ...userns,
    size: automaticSize(context, image, user ?? image?.config.config.user ?? ""),
  };
}

/**
 * Decides anew everything about a container that there is already, since the host may have changed
 * since: its id, image, id mapping and volumes stay what they are.
 *
 * @param options the record's, but for what concerns this one start.
 * @throws TsmanError as {@link planContainer}; IMAGE_NOT_FOUND.
 */
export async function planRestart(
  context: EngineContext,
  record: ContainerRecord,
  options: ContainerOptions,
): Promise<ContainerPlan> {
  assertSources(options);
  const image =
    record.imageId === undefined ? undefined : context.store.images.findById(record.imageId);
  if (record.imageId !== undefined && image === undefined) {
    throw new TsmanError(
      "IMAGE_NOT_FOUND",
      `start container ${record.name}: its image ${record.imageName} is not in the store any more`,
      { hint: `remove it (tsman rm ${record.name}) and run the image again` },
    );
  }
  const target = findJoinTarget(context, options, true);
  if (target?.mapping !== undefined && target.mapping.key !== record.mapping.key) {
    throw new TsmanError(
      "USAGE",
      `start container ${record.name}: container ${target.join.container} has another id mapping now`,
      { hint: `make it anew: tsman rm ${record.name}, then tsman run …` },
    );
  }
  const { id, name, imageName, mapping, anonymousVolumes } = record;
  const settled = { id, name, image, imageName, mapping, target, anonymousVolumes };
  return await compile(context, options, settled, false);
}

async function compile(
  context: EngineContext,
  options: ContainerOptions,
  settled: Settled,
  isNew: boolean,
  isHandedOver = false,
): Promise<ContainerPlan> {
  const { id, name, image, imageName, mapping, target } = settled;
  const join = target?.join;
  // What the record keeps is what was asked for.
  const meant = { ...options, ...target?.modes };
  const dir = context.store.containers.dir(id);
  const anonymous = settled.anonymousVolumes.values();
  const volumes = listVolumes(options, image?.config.config.volumes ?? []).map((need) => ({
    ...need,
    volumeName: need.name ?? anonymous.next().value ?? randomHex(32),
  }));
  const prepared =
    isHandedOver && target === undefined && mayHandOver(options, volumes)
      ? prepareFor(options, mapping)
      : undefined;
  const host = readHostFacts(meant);
  const network = describeContainerNetwork(
    meant,
    { hostname: resolveHostname(meant, id, host, join?.hostname).name, name },
    image?.config.config.exposedPorts ?? [],
  );
  const resources = compileResources(
    options.limits,
    host.cgroup === "unified" && options.cgroup?.mode !== "disabled",
  );
  if (options.limits !== undefined && resources !== undefined) {
    // What cannot be meant is said before anything is made.
    (await import("../../cgroup/compile-limits.ts")).compileLimits(resources);
  }
  const bundle = compileBundle({
    id,
    name,
    options: meant,
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
    resources,
    seccompProfile: await seccompProfile(options, image?.config.config.labels, imageName),
    hostUsers: await hostUsersOf(options),
    architecture: hostPlatform().architecture,
    kernelRelease: kernelRelease(),
  });
  const guarded = await withGuards(context, options, bundle);
  return {
    id,
    name,
    options,
    isNew,
    image,
    imageName,
    mapping,
    volumes,
    bundle: guarded,
    network,
    prepared,
  };
}

async function hostUsersOf({
  accounts,
}: ContainerOptions): Promise<readonly HostUser[] | undefined> {
  if (accounts?.hostUsers === undefined) return undefined;
  const { findHostUsers } = await import("./host-users.ts");
  return findHostUsers(accounts.hostUsers);
}

/** Begins now what takes other programs milliseconds, where nothing stands between us and its use. */
function prepareFor(
  { network, ports, publishAll, userns, pid, ipc, uts }: ContainerOptions,
  mapping: IdMapping,
): PreparedNamespaces | undefined {
  // What is joined from the caller's user namespace comes before a new one.
  if ([network, pid, ipc, uts].some(({ mode }) => mode === "path")) return undefined;
  if (ports.length > 0 || publishAll || userns.mode === "auto") return undefined;
  return prepareNamespaces(mapping, network.mode === "none" || network.mode === "slirp4netns");
}

async function withGuards(
  context: EngineContext,
  options: ContainerOptions,
  bundle: Bundle,
): Promise<Bundle> {
  if (!options.mounts.some(({ type }) => type === "bind")) return bundle;
  const { findGuardWarnings } = await import("./guard-rails.ts");
  const warnings = await findGuardWarnings(context, options);
  return warnings.length === 0
    ? bundle
    : { ...bundle, warnings: [...bundle.warnings, ...warnings] };
}

function assertSources(options: ContainerOptions): void {
  for (const mount of options.mounts) if (mount.type === "bind") assertSource(mount);
}

/** Said before anything is pulled; what is mounted is opened once, later (security case S74). */
function assertSource({ source, target }: BindMount): void {
  try {
    statSync(source);
  } catch (error) {
    const { message } = toFileError(error, `mount ${source} on ${target}`);
    throw new TsmanError("USAGE", message, {
      hint: isErrno(error, "ENOENT")
        ? missingSourceHint(source)
        : "mount what you may reach yourself: you have to be allowed to enter each directory above it",
      cause: error,
      details: { source, target },
    });
  }
}

/** A directory that is made in a socket's place keeps the socket from being made there. */
function missingSourceHint(source: string): string {
  return /\.sock(?:et)?$/.test(source)
    ? "check the path, and whether the program runs that makes this socket"
    : `check the path, or make it first: mkdir -p ${source}, or touch it, if it is to be a file`;
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
    ...(io.lockFile !== undefined && { lock: { file: io.lockFile } }),
    onProgress: io.onProgress,
    tlsVerify: io.tlsVerify,
    authFile: io.authFile,
    certDir: io.certDir,
    credentials: io.credentials,
    get signal() {
      return io.signal;
    },
  });
}

/** An image that was taken from a file is the store's from now on: the file may change, or go. */
function withStoredImage(
  options: ContainerOptions,
  image: ImageRecord | undefined,
): ContainerOptions {
  if (image === undefined || findImageLocation(options.image ?? "") === undefined) return options;
  return { ...options, image: image.names[0] ?? image.id };
}

async function imageNameOf(
  context: EngineContext,
  options: ContainerOptions,
  image: ImageRecord | undefined,
): Promise<string> {
  if (image === undefined) return options.rootfs?.path ?? "";
  // Of several names the one that the user wrote is the one to show.
  const written = await writtenName(context, image.names, options.image ?? "");
  return written ?? image.names[0] ?? image.digests[0] ?? image.id;
}

async function seccompProfile(
  options: ContainerOptions,
  labels: Readonly<Record<string, string>> | undefined,
  imageName: string,
) {
  const { seccomp } = options.security;
  if (seccomp === "default" || seccomp === "unconfined") return undefined;
  const { readImageProfile, readSeccompProfile } = await import(
    "../../bundle/seccomp/docker-profile.ts"
  );
  return seccomp === "image"
    ? readImageProfile(labels ?? {}, imageName)
    : readSeccompProfile(seccomp);
}
