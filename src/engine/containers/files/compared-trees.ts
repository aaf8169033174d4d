import type { InsidePlace, InsideTask } from "../../../layer/inside-worker.ts";
import type { IdMapping } from "../../../rootless/id-mapping.ts";

/** What an inside worker needs to compare files. */
export interface Comparison {
  readonly place: InsidePlace;
  readonly task: InsideTask;
}

type LayerTask = Extract<InsideTask, { op: "diff" | "layer" }>;

/** How two trees are compared. */
export interface ComparisonKind extends Pick<LayerTask, "op" | "kind"> {
  /** The first, or the second, is a container's. */
  readonly isContainer: boolean;
  readonly isOtherContainer?: boolean | undefined;
}

/** What tsman makes in a root file system to mount something there; Podman leaves out the same. */
const stubs = [
  "/dev",
  "/dev/console",
  "/dev/pts",
  "/dev/shm",
  "/etc/hostname",
  "/etc/hosts",
  "/etc/mtab",
  "/etc/resolv.conf",
  "/proc",
  "/run",
  "/run/.containerenv",
  "/run/notify",
  "/run/secrets",
  "/sys",
];

/**
 * The work of comparing the files of some directories, together, with those of others; both the
 * topmost first.  One that both have is known to be the same.
 */
export function comparisonOfTrees(
  own: readonly string[],
  layers: readonly string[],
  mapping: IdMapping,
  { op, kind, isContainer, isOtherContainer = false }: ComparisonKind,
): Comparison {
  const directories = [...new Set([...own, ...layers])];
  const indexOf = (directory: string): number => directories.indexOf(directory);
  return {
    place: { kind: "view", words: ["layers", ...directories], mapping },
    task: {
      op,
      own: own.map(indexOf),
      layers: layers.map(indexOf),
      kind,
      stubs: isContainer || isOtherContainer ? stubs : [],
      hasLowerStubs: isOtherContainer,
      isSingleId: mapping.single,
    },
  };
}
