import type { ContainerOptions } from "../container/options.ts";
import { isAtOrBelow, mountOption } from "../oci/runtime-spec.ts";
import type { BundleRequest } from "./bundle.ts";
import { pathDepth } from "./container-path.ts";
import { defaultMounts, type ReasonedMount } from "./default-mounts.ts";
import { fileMounts } from "./file-mounts.ts";

/** All mounts of a container, in the order of mounting. */
export interface ResolvedMounts {
  /** /proc, /dev, /sys and what belongs into them. */
  readonly base: readonly ReasonedMount[];
  /** The rest, parents before what is in them. */
  readonly others: readonly ReasonedMount[];
  /** Propagation of the host's mounts into the container: rslave if a mount asks for any. */
  readonly propagation: "rprivate" | "rslave";
}

/**
 * Puts the default mounts, the user's and tsman's own files together.
 *
 * @param asked What the user and the image ask for.
 */
export function resolveMounts(
  request: BundleRequest,
  asked: readonly ReasonedMount[],
): ResolvedMounts {
  const { options, mapping, host } = request;
  const base = baseMounts(
    defaultMounts(options, mapping, host, options.security.procOptions),
    asked,
  );
  const rest = asked.filter((one) => !base.some((two) => two.destination === one.destination));
  return {
    base,
    others: byDepth([...rest, ...readOnlyTmpfs(options, asked), ...fileMounts(request, asked)]),
    propagation: wantsPropagation(asked) ? "rslave" : "rprivate",
  };
}

/**
 * The default mounts, each replaced by the user's on the same target; what lies below a target of
 * the user goes away, as in Podman.
 */
function baseMounts(
  defaults: readonly ReasonedMount[],
  asked: readonly ReasonedMount[],
): ReasonedMount[] {
  return defaults.flatMap((mount) => {
    const own = asked.find((one) => one.destination === mount.destination);
    if (own !== undefined) return [{ ...own, options: [...own.options, mountOption.nosymlink] }];
    // The terminal comes from the container's own devpts, whatever is on /dev.
    if (mount.destination === "/dev/pts") return [mount];
    return asked.some((one) => isAtOrBelow(mount.destination, one.destination)) ? [] : [mount];
  });
}

/** Parents before what is in them; among equals the order of asking. */
function byDepth(mounts: readonly ReasonedMount[]): ReasonedMount[] {
  return mounts.toSorted((a, b) => pathDepth(a.destination) - pathDepth(b.destination));
}

function readOnlyTmpfs(
  options: ContainerOptions,
  asked: readonly ReasonedMount[],
): ReasonedMount[] {
  if (!options.readOnly || !options.readOnlyTmpfs) return [];
  return ["/run", "/tmp", "/var/tmp"]
    .filter((target) => !asked.some((one) => one.destination === target))
    .map((destination) => ({
      destination,
      type: "tmpfs",
      source: "tmpfs",
      options: ["rw", "nosuid", "nodev", "tmpcopyup"],
      because: "--read-only",
    }));
}

function wantsPropagation(mounts: readonly ReasonedMount[]): boolean {
  return mounts.some((mount) =>
    mount.options.some((option) => /^r?(?:shared|slave)$/.test(option)),
  );
}
