import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { TsmanError } from "../../../errors/index.ts";
import type { InsidePlace, InsideTask } from "../../../layer/inside-worker.ts";
import { startInside } from "../../../layer/inside-worker.ts";
import type { ContainerRecord } from "../../../store/containers.ts";
import type { EngineContext } from "../../context.ts";
import type { FileChange } from "../../file-types.ts";
import { getContainer } from "../find-container.ts";
import { lowerDirectories } from "../rootfs-driver.ts";
import { rootfsOf } from "./container-view.ts";

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

/** What an inside worker needs to compare a container with its image. */
export interface Comparison {
  readonly place: InsidePlace;
  readonly task: InsideTask;
}

/**
 * How a container is compared with its image; undefined when it has nothing of its own yet.
 *
 * @throws TsmanError OPTION_UNSUPPORTED for a container without an image to compare with
 */
export function comparisonOf(
  context: EngineContext,
  record: ContainerRecord,
  op: "diff" | "layer",
): Comparison | undefined {
  const { plan, owner } = rootfsOf(context, record);
  if (record.options.rootfs?.overlay === false) {
    throw new TsmanError(
      "OPTION_UNSUPPORTED",
      `compare container ${record.name}: it works on ${plan.driver === "copy" ? plan.path : "a directory"} itself (--rootfs)`,
      {
        hint: "there is nothing to compare with; with --rootfs DIRECTORY:O changes are kept apart",
      },
    );
  }
  const own = plan.driver === "copy" ? plan.path : plan.upper;
  if (!existsSync(own)) return undefined;
  const layers = lowerDirectories(context, owner);
  const kinds = { overlay: "upper", "fuse-overlayfs": "marked-upper", copy: "complete" } as const;
  return {
    place: { kind: "view", words: ["layers", own, ...layers], mapping: record.mapping },
    task: {
      op,
      layers: layers.length,
      kind: kinds[plan.driver],
      stubs,
      isSingleId: record.mapping.single,
    },
  };
}

const kinds: Readonly<Record<string, FileChange["kind"]>> = {
  A: "added",
  C: "changed",
  D: "deleted",
};

/** In what a container's files differ from its image's. */
export async function diffContainer(
  context: EngineContext,
  nameOrId: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<FileChange[]> {
  const record = getContainer(context, nameOrId);
  const comparison = comparisonOf(context, record, "diff");
  if (comparison === undefined) return [];
  const subject = `compare container ${record.name}`;
  const worker = startInside({ ...comparison, context: subject, signal: options.signal });
  worker.output?.setEncoding("latin1");
  const [list] = await Promise.all([
    worker.output === undefined ? "" : text(worker.output),
    worker.done,
  ]);
  const changes = list.split("\0").slice(0, -1);
  return changes.map((change) => {
    const kind = kinds[change.slice(0, 1)];
    if (kind === undefined)
      throw new TsmanError("INTERNAL", `${subject}: the worker said nonsense`);
    return { kind, path: Buffer.from(change.slice(1), "latin1") };
  });
}
