import path from "node:path";
import type { BundleDocument } from "../../container/bundle-document.ts";
import type { ContainerMount } from "../../container/options.ts";
import type { EngineContext } from "../context.ts";
import type { MountDetails } from "../details-types.ts";

/** The mounts that were asked for, by the options and by the image's VOLUMEs. */
export function mountDetails(
  context: EngineContext,
  mounts: readonly ContainerMount[],
  document: BundleDocument | undefined,
): readonly MountDetails[] {
  return [
    ...mounts.map((mount) => requestedMount(context, mount, document)),
    ...imageVolumes(context, mounts, document),
  ];
}

function requestedMount(
  context: EngineContext,
  mount: ContainerMount,
  document: BundleDocument | undefined,
): MountDetails {
  const mounted = document?.mounts.find((one) => one.destination === mount.target);
  const common = {
    destination: mount.target,
    readOnly: mount.readOnly,
    options: shownOptions(mounted?.options ?? []),
    propagation: mount.type === "bind" ? (mount.propagation ?? "rprivate") : "",
  };
  if (mount.type === "bind") return { ...common, type: "bind", source: mount.source };
  if (mount.type === "tmpfs") return { ...common, type: "tmpfs", source: "" };
  const source = mounted?.source ?? "";
  const name = mount.name ?? volumeName(source);
  const propagation = "rprivate";
  if (source !== "") return { ...common, type: "volume", name, source, propagation };
  // It was never started, so that an anonymous one has no name yet.
  const planned = name === "" ? "" : context.store.volumes.dataDir(name);
  return { ...common, type: "volume", name, source: planned, propagation };
}

/** Anonymous volumes that only the image has asked for. */
function imageVolumes(
  context: EngineContext,
  mounts: readonly ContainerMount[],
  document: BundleDocument | undefined,
): readonly MountDetails[] {
  const volumes = path.join(context.store.root, "volumes");
  const others = (document?.mounts ?? []).filter(
    ({ source, destination }) =>
      source.startsWith(`${volumes}/`) && !mounts.some(({ target }) => target === destination),
  );
  return others.map(({ source, destination, options }) => ({
    type: "volume" as const,
    name: volumeName(source),
    source,
    destination,
    readOnly: options.includes("ro"),
    options: shownOptions(options),
    propagation: "rprivate",
  }));
}

/** A volume's directory is `volumes/NAME/_data`. */
function volumeName(source: string): string {
  return source === "" ? "" : path.basename(path.dirname(source));
}

/** Without the ones that say what other members say, and without tsman's own. */
function shownOptions(options: readonly string[]): readonly string[] {
  return options.filter(
    (option) => !/^(?:ro|rw|r?(?:private|slave|shared|unbindable)|x-tsman\..*)$/.test(option),
  );
}
