import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { TsmanError } from "../../../errors/index.ts";
import { startInside } from "../../../layer/inside-worker.ts";
import type { IdMapping } from "../../../rootless/id-mapping.ts";
import type { ContainerRecord } from "../../../store/containers.ts";
import type { ImageRecord } from "../../../store/images.ts";
import { type EngineContext, mappingFor } from "../../context.ts";
import type { DiffOptions, FileChange } from "../../file-types.ts";
import { ensureLayers } from "../../images/ensure-layers.ts";
import { findImage } from "../../images/find-image.ts";
import { hasOpaqueRoot, visibleLayers } from "../../images/opaque-root.ts";
import { getContainer } from "../find-container.ts";
import { lowerDirectories } from "../rootfs-driver.ts";
import { type Comparison, type ComparisonKind, comparisonOfTrees } from "./compared-trees.ts";
import { rootfsOf } from "./container-view.ts";

/**
 * How a container is compared with its image; undefined when it has nothing of its own yet.
 *
 * @throws TsmanError OPTION_UNSUPPORTED for a container without an image to compare with
 */
export function comparisonOf(
  context: EngineContext,
  record: ContainerRecord,
  op: ComparisonKind["op"],
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
  const kinds = { overlay: "upper", "fuse-overlayfs": "marked-upper", copy: "complete" } as const;
  return comparisonOfTrees([own], lowerDirectories(context, owner), record.mapping, {
    op,
    kind: kinds[plan.driver],
    isContainer: true,
  });
}

/** What can be compared. */
type Side =
  | { readonly name: string; readonly container: ContainerRecord; readonly image?: undefined }
  | { readonly name: string; readonly image: ImageRecord; readonly container?: undefined };

/**
 * In what a container's files differ from its image's, an image's from those of the layers below
 * its uppermost, or those of either from another one's.
 */
export async function diffContainer(
  context: EngineContext,
  nameOrId: string,
  options: DiffOptions = {},
): Promise<FileChange[]> {
  const side = await findSide(context, nameOrId, options.kind);
  const { against, signal } = options;
  const other = against === undefined ? undefined : await findSide(context, against, options.kind);
  // Nobody collects the layers that are being read.
  await using _content = await context.store.lockContent({ shared: true, signal });
  const comparison =
    other !== undefined
      ? await comparisonOfTwo(context, side, other, signal)
      : side.image === undefined
        ? comparisonOf(context, side.container, "diff")
        : await comparisonWithParent(context, side.image, signal);
  if (comparison === undefined) return [];
  return await readChanges(comparison, `compare ${side.name}`, signal);
}

/** Containers before images, as with Podman. */
async function findSide(
  context: EngineContext,
  name: string,
  kind: DiffOptions["kind"] = "all",
): Promise<Side> {
  if (kind === "container") return { name, container: getContainer(context, name) };
  const container = kind === "all" ? context.store.containers.find(name) : undefined;
  if (container !== undefined) return { name, container };
  const image = await findImage(context, name);
  if (image !== undefined) return { name, image };
  const what = kind === "image" ? "image" : "container or image";
  throw new TsmanError("IMAGE_NOT_FOUND", `compare ${name}: no such ${what}`, {
    hint: kind === "image" ? "see tsman images" : "see tsman ps --all and tsman images",
  });
}

/** An image's uppermost layer is what makes it different from those below. */
async function comparisonWithParent(
  context: EngineContext,
  image: ImageRecord,
  signal: AbortSignal | undefined,
): Promise<Comparison | undefined> {
  const mapping = mappingFor(context, { mode: "default" });
  const layers = await unpackedLayers(context, image, mapping, signal);
  const [top, ...below] = layers;
  if (top === undefined) return undefined;
  return comparisonOfTrees([top], visibleLayers(below), mapping, {
    op: "diff",
    // Such a layer has all files: what it does not have is gone.
    kind: hasOpaqueRoot(top) ? "merged" : "upper",
    isContainer: false,
  });
}

async function comparisonOfTwo(
  context: EngineContext,
  side: Side,
  other: Side,
  signal: AbortSignal | undefined,
): Promise<Comparison | undefined> {
  const record = side.container ?? other.container;
  const mapping = record?.mapping ?? mappingFor(context, { mode: "default" });
  if (side.container !== undefined && other.container !== undefined) {
    if (side.container.mapping.key !== other.container.mapping.key) {
      throw new TsmanError(
        "OPTION_UNSUPPORTED",
        `compare container ${side.name} with container ${other.name}: they have different id mappings`,
        { hint: "compare each with an image" },
      );
    }
  }
  const own = await allDirectories(context, side, mapping, signal);
  const layers = await allDirectories(context, other, mapping, signal);
  if (own.length === 0 && layers.length === 0) return undefined;
  return comparisonOfTrees(own, layers, mapping, {
    op: "diff",
    kind: "merged",
    isContainer: side.container !== undefined,
    isOtherContainer: other.container !== undefined,
  });
}

/** The directories that all files of an image or container are in, the topmost first. */
async function allDirectories(
  context: EngineContext,
  { container, image }: Side,
  mapping: IdMapping,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  if (container === undefined) {
    return visibleLayers(await unpackedLayers(context, image, mapping, signal));
  }
  const { plan, owner } = rootfsOf(context, container);
  const own = plan.driver === "copy" ? plan.path : plan.upper;
  // One that was never started is as its image.
  if (!existsSync(own)) return lowerDirectories(context, owner);
  return plan.driver === "copy" ? [own] : [own, ...plan.lowers];
}

async function unpackedLayers(
  context: EngineContext,
  image: ImageRecord,
  mapping: IdMapping,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  await ensureLayers(context, image, { mapping, signal });
  const { layers } = context.store;
  return image.layers.map(({ chainId }) => layers.diffPath(mapping.key, chainId)).reverse();
}

const kinds: Readonly<Record<string, FileChange["kind"]>> = {
  A: "added",
  C: "changed",
  D: "deleted",
};

async function readChanges(
  comparison: Comparison,
  subject: string,
  signal: AbortSignal | undefined,
): Promise<FileChange[]> {
  const worker = startInside({ ...comparison, context: subject, signal });
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
