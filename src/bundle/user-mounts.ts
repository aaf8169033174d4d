import path from "node:path";
import type {
  BindMount,
  ContainerMount,
  ContainerOptions,
  MountFlag,
  TmpfsMount,
  VolumeMount,
} from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import { mountOption } from "../oci/runtime-spec.ts";
import { mountTarget } from "./container-path.ts";
import type { ReasonedMount } from "./default-mounts.ts";

/** A volume that has to exist before the bundle is compiled. */
export interface VolumeNeed {
  /** Missing: anonymous. */
  readonly name?: string | undefined;
  /** Cleaned absolute path in the container. */
  readonly target: string;
  readonly because: string;
}

/**
 * The volumes of a container: `-v NAME:…`, `-v /path`, and the image's VOLUMEs that no other mount
 * covers.  Whoever owns the store makes their directories.
 *
 * @throws TsmanError USAGE on a bad or repeated target, DOCUMENT_INVALID on a bad VOLUME
 */
export function listVolumes(options: MountOptions, imageVolumes: readonly string[]): VolumeNeed[] {
  return normalizeMounts(options, imageVolumes)
    .filter((mount) => mount.type === "volume")
    .map(({ name, target, because }) => ({ name, target, because }));
}

type MountOptions = Pick<ContainerOptions, "mounts" | "imageVolumes">;
type Reasoned<Kind extends ContainerMount> = Kind & { readonly because: string };
type NormalMount = Reasoned<BindMount> | Reasoned<TmpfsMount> | Reasoned<VolumeMount>;

/** The mounts that the user and the image ask for, as OCI mounts, in the order of asking. */
export function userMounts(
  options: MountOptions,
  imageVolumes: readonly string[],
  volumes: Readonly<Record<string, string>>,
): ReasonedMount[] {
  return normalizeMounts(options, imageVolumes).map((mount) => toOciMount(mount, volumes));
}

function normalizeMounts(options: MountOptions, imageVolumes: readonly string[]): NormalMount[] {
  const targets = new Set<string>();
  const mounts = options.mounts.map((mount): NormalMount => {
    const because = originOf(mount);
    const target = mountTarget(mount.target, because, mount.type === "bind");
    if (targets.has(target)) {
      throw new TsmanError("USAGE", `use ${because}: ${target} is a mount already`, {
        hint: "give every target once",
      });
    }
    targets.add(target);
    return { ...mount, target, because };
  });
  for (const text of options.imageVolumes === "ignore" ? [] : imageVolumes) {
    const target = imageVolumeTarget(text);
    if (targets.has(target)) continue;
    targets.add(target);
    const because = `image VOLUME ${target}`;
    const common = { target, readOnly: false, flags: [], copyUp: true, because };
    mounts.push(
      options.imageVolumes === "tmpfs"
        ? { ...common, type: "tmpfs" }
        : { ...common, type: "volume" },
    );
  }
  return mounts;
}

/** A VOLUME cannot leave the root (S16); one that is no place for a mount condemns the image. */
function imageVolumeTarget(text: string): string {
  try {
    return mountTarget(path.posix.join("/", text), `VOLUME ${JSON.stringify(text)}`);
  } catch (error) {
    if (!(error instanceof TsmanError)) throw error;
    throw new TsmanError("DOCUMENT_INVALID", `read image config: ${error.message}`, {
      cause: error,
    });
  }
}

function originOf(mount: ContainerMount): string {
  if (mount.type !== "tmpfs" && mount.from !== undefined) return `--volumes-from ${mount.from}`;
  switch (mount.type) {
    case "bind":
      return `-v ${mount.source}:${mount.target}`;
    case "tmpfs":
      return `--tmpfs ${mount.target}`;
    case "volume":
      return mount.name === undefined ? `-v ${mount.target}` : `-v ${mount.name}:${mount.target}`;
  }
}

function toOciMount(mount: NormalMount, volumes: Readonly<Record<string, string>>): ReasonedMount {
  const { target: destination, because } = mount;
  const access = mount.readOnly ? "ro" : "rw";
  switch (mount.type) {
    case "bind": {
      if (!path.isAbsolute(mount.source)) {
        throw new TsmanError("USAGE", `use ${because}: source is not an absolute path`);
      }
      return {
        destination,
        type: "bind",
        source: mount.source,
        options: [
          mount.recursive ? "rbind" : "bind",
          mount.propagation ?? "rprivate",
          access,
          ...flagOptions(mount.flags, because),
          ...(mount.chown ? [mountOption.chown] : []),
          // Not by a symbolic link of the image's: mountTarget().
          ...(destination.startsWith("/proc/") ? [mountOption.nosymlink] : []),
        ],
        because,
      };
    }
    case "tmpfs":
      return {
        destination,
        type: "tmpfs",
        source: "tmpfs",
        options: [
          access,
          ...flagOptions(mount.flags, because),
          ...(mount.size === undefined ? [] : [`size=${tmpfsSize(mount.size, because)}`]),
          // Without one the image's directory lends its own, else it is the kernel's 1777.
          ...(mount.mode === undefined ? [] : [`mode=${tmpfsMode(mount.mode, because)}`]),
          ...(mount.copyUp ? ["tmpcopyup"] : []),
        ],
        because,
      };
    case "volume": {
      const source = volumes[destination];
      if (source === undefined) {
        throw new TsmanError("INTERNAL", `use ${because}: its directory was not made`);
      }
      return {
        destination,
        type: "bind",
        source,
        options: [
          "rbind",
          "rprivate",
          access,
          ...flagOptions(mount.flags, because),
          ...(mount.copyUp ? [mountOption.copyUp] : []),
        ],
        because,
      };
    }
  }
}

/** Podman's defaults for what a user mounts: no setuid programs, no devices. */
function flagOptions(flags: readonly MountFlag[], because: string): string[] {
  for (const [on, off] of [
    ["nosuid", "suid"],
    ["nodev", "dev"],
    ["noexec", "exec"],
  ] as const) {
    if (flags.includes(on) && flags.includes(off)) {
      throw new TsmanError("USAGE", `use ${because}: both ${on} and ${off}`);
    }
  }
  return [
    ...(flags.includes("suid") ? [] : ["nosuid"]),
    ...(flags.includes("dev") ? [] : ["nodev"]),
    ...flags.filter((flag) => flag === "noexec" || flag === "noatime" || flag === "sync"),
  ];
}

function tmpfsSize(size: number, because: string): number {
  if (Number.isSafeInteger(size) && size >= 0) return size;
  throw new TsmanError("USAGE", `use ${because}: size ${size} is not a number of bytes`);
}

function tmpfsMode(mode: number, because: string): string {
  if (Number.isInteger(mode) && mode >= 0 && mode <= 0o7777) return mode.toString(8);
  throw new TsmanError("USAGE", `use ${because}: mode ${mode} is not of permission bits`);
}
