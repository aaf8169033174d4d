import path from "node:path";
import { type MountConfig, type RuntimeConfig, refused } from "../../oci/runtime-config.ts";
import {
  isAtOrBelow,
  type Mount,
  mountFlagNames,
  mountOption,
  propagationTypes,
} from "../../oci/runtime-spec.ts";
import { cleanContainerPath, isInTrustedProc } from "../container-path.ts";
import { adoptIdmap } from "./adopt-idmap.ts";
import { adoptOverlay } from "./adopt-overlay.ts";
import type { AdoptionFacts } from "./adoption-facts.ts";

/** The container's mounts, in their order, and whether one of them is its /dev as a whole. */
export interface AdoptedMounts {
  readonly mounts: readonly Mount[];
  readonly hasOwnDev: boolean;
  readonly warnings: readonly string[];
}

/**
 * The mounts of somebody else's config.json.
 *
 * @param hasCgroupNamespace a new one: its root can be mounted.
 * @throws TsmanError CONFIG_INVALID with the JSON pointer
 */
export function adoptMounts(
  { mounts = [], root, linux }: RuntimeConfig,
  facts: AdoptionFacts,
  hasCgroupNamespace: boolean,
): AdoptedMounts {
  const warnings: string[] = [];
  const adopted = mounts.map((mount, index) => {
    const pointer = `/mounts/${index}`;
    const own = adoptIdmap(mount, linux, pointer);
    const given = own === undefined ? mount : { ...mount, options: [...own.options] };
    const all = adoptMount(given, pointer, facts, hasCgroupNamespace, warnings);
    if (own === undefined) return all;
    if (all.type !== "bind")
      throw refused(`${pointer}/options`, "ids of a bind mount can be mapped");
    const { uidMappings, gidMappings } = own;
    return { ...all, uidMappings, gidMappings, options: [...all.options, mountOption.idmap] };
  });
  if (path.resolve(facts.bundleDir, root.path) === "/") {
    throw refused("/root/path", "is the root of the host");
  }
  const hasOwnDev = adopted.some(
    ({ type, destination }) => type === "bind" && destination === "/dev",
  );
  return { mounts: adopted, hasOwnDev, warnings };
}

function adoptMount(
  mount: MountConfig,
  pointer: string,
  facts: AdoptionFacts,
  hasCgroupNamespace: boolean,
  warnings: string[],
): Mount {
  // runtime-spec/config.md: absolute; but relative ones are in use, and mean the same.
  const destination = cleanContainerPath(mount.destination);
  if (destination === "/") throw refused(`${pointer}/destination`, "is the root itself");
  const options = [...(mount.options ?? [])];
  const own = options.findIndex((option) => option.startsWith("x-tsman."));
  if (own >= 0) throw refused(`${pointer}/options/${own}`, "is tsman's own");
  if (options.includes("remount")) return remount(destination, options, pointer);
  const isBind = mount.type === "bind" || options.some((one) => one === "bind" || one === "rbind");
  const type = isBind ? "bind" : (mount.type ?? "");
  guardProc(destination, type, pointer);
  if (isBind) {
    if (mount.source === undefined || mount.source === "") {
      throw refused(`${pointer}/source`, "missing");
    }
    refuseUnknownFlags(options, pointer);
    options.forEach((option, index) => {
      if (!isData(option) && !withoutEffect.has(option)) return;
      const word = JSON.stringify(option);
      warnings.push(`${pointer}/options/${index}: ${word} has no effect on a bind mount`);
    });
    return {
      destination,
      type,
      source: path.resolve(facts.bundleDir, mount.source),
      options: [
        ...options.filter((option) => !isData(option)),
        mountOption.top,
        ...(destination.startsWith("/proc/") ? [mountOption.nosymlink] : []),
      ],
    };
  }
  if (type === "" || type === "none") {
    if (options.some((option) => propagationTypes.has(option))) {
      throw refused(`${pointer}/type`, "a change of propagation alone is not supported");
    }
    throw refused(`${pointer}/type`, "missing");
  }
  if (type === "cgroup" || type === "cgroup2") {
    const asked = { type, destination, options };
    return cgroupMount(asked, facts, hasCgroupNamespace, pointer);
  }
  if (type === "overlay") {
    const adopted = adoptOverlay(options, pointer, facts.bundleDir);
    return { destination, type, source: mount.source ?? type, ...adopted };
  }
  const mandatory = options.indexOf("mand");
  if (mandatory >= 0) {
    warnings.push(`${pointer}/options/${mandatory}: Linux has no mandatory locks any more`);
  }
  const guarded = ["/proc", "/sys", "/dev"].includes(destination) ? [mountOption.nosymlink] : [];
  return { destination, type, source: mount.source ?? type, options: [...options, ...guarded] };
}

/**
 * Other flags for what is mounted there already, by the image's mounts or those before.  Never on
 * what the kernel says of processes, where it could only open what others have closed.
 */
function remount(destination: string, options: readonly string[], pointer: string): Mount {
  if (isAtOrBelow(destination, "/proc") && destination !== "/proc") {
    throw refused(`${pointer}/destination`, `nothing on ${destination} may be changed`);
  }
  const ofMounts = ["remount", "bind", "rbind"];
  const wrong = options.findIndex(
    (option) =>
      !ofMounts.includes(option) &&
      (ofFileSystem.has(option) ||
        !(mountFlagNames.includes(option) || propagationTypes.has(option))),
  );
  if (wrong >= 0) {
    const option = JSON.stringify(options[wrong]);
    throw refused(
      `${pointer}/options/${wrong}`,
      `${option} is of a file system, and remount changes a mount alone`,
    );
  }
  const kept = options.filter((option) => !ofMounts.includes(option));
  return { destination, type: "none", source: "none", options: [...kept, mountOption.change] };
}

/** What two mounts of one file system have in common. */
const ofFileSystem: ReadonlySet<string> = new Set([
  ...["async", "sync", "dirsync", "lazytime", "nolazytime", "iversion", "noiversion"],
  ...["mand", "nomand", "silent", "loud", "idmap", "ridmap", "tmpcopyup"],
]);

/** Of them, those which a bind mount that asks for them does not get, and nobody says so. */
const withoutEffect: ReadonlySet<string> = new Set([
  "sync",
  "dirsync",
  "lazytime",
  "iversion",
  "mand",
]);

/** Of a file system: the kernel ignores it with a bind mount, and runc and crun hand it on. */
function isData(option: string): boolean {
  return /^[a-z_]+=/.test(option);
}

/** What looks like a flag was meant as one. */
function refuseUnknownFlags(options: readonly string[], pointer: string): void {
  const isKnown = (option: string): boolean =>
    option !== "tmpcopyup" &&
    (mountFlagNames.includes(option) || propagationTypes.has(option) || isData(option));
  const index = options.findIndex((option) => !isKnown(option));
  if (index < 0) return;
  const option = JSON.stringify(options[index]);
  throw refused(`${pointer}/options/${index}`, `${option} is nothing that a bind mount has`);
}

/** Programs trust what they find in /proc (security case S4). */
function guardProc(destination: string, type: string, pointer: string): void {
  if (!isInTrustedProc(destination, type === "bind")) return;
  if (destination === "/proc" && (type === "proc" || type === "bind")) return;
  throw refused(`${pointer}/destination`, `nothing may be mounted on ${destination}`);
}

/**
 * `cgroup` means whatever hierarchy this host has: on a unified one the container's own subtree,
 * else the host's, which its owner guards.  `cgroup2` means that hierarchy alone.
 */
function cgroupMount(
  { type, destination, options }: Pick<Mount, "type" | "destination" | "options">,
  { isUnified }: AdoptionFacts,
  hasCgroupNamespace: boolean,
  pointer: string,
): Mount {
  const isAsked = type === "cgroup2";
  if (isAsked && !hasCgroupNamespace && !isUnified) {
    const why = "this host has version 1, and a new mount of version 2";
    throw refused(`${pointer}/type`, `${why} takes a cgroup namespace in /linux/namespaces`);
  }
  if (hasCgroupNamespace && (isUnified || isAsked)) {
    return { destination, type: "cgroup2", source: "cgroup2", options };
  }
  return {
    destination,
    type: "bind",
    source: "/sys/fs/cgroup",
    options: ["rbind", ...options.filter((option) => option !== "relatime"), "rprivate"],
  };
}
