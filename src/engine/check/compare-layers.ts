import { closeSync, constants, openSync } from "node:fs";
import path from "node:path";
import { unpackLimits } from "../../config/environment.ts";
import { startInside } from "../../layer/inside-worker.ts";
import { readLimits } from "../../layer/limits.ts";
import type { IdMapping } from "../../rootless/id-mapping.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import { inheritAttributes } from "../images/inherit-attributes.ts";
import { storedBlob } from "../images/layer-source.ts";
import { LayerUnpacker } from "../images/layer-unpacker.ts";
import { hasOpaqueRoot } from "../images/opaque-root.ts";
import { UnpackBudget } from "../images/unpack-budget.ts";

/** A layer as a part of an image. */
export interface LayerUse {
  readonly image: ImageRecord;
  /** Position in the image; 0 is the lowest. */
  readonly index: number;
}

/** At once: an unpack worker holds descriptors of all its directories. */
const batchSize = 32;

/**
 * Unpacks layers once more, beside, and compares: names, contents, owners, modes, times, links.
 *
 * @param uses of layers whose blobs are there and intact
 * @returns those whose unpacked files are not what the blob makes.
 */
export async function compareLayers(
  context: EngineContext,
  uses: readonly LayerUse[],
  mapping: IdMapping,
): Promise<readonly LayerUse[]> {
  const different: LayerUse[] = [];
  for (let start = 0; start < uses.length; start += batchSize) {
    const batch = uses.slice(start, start + batchSize);
    different.push(...(await compareBatch(context, batch, mapping)));
  }
  return different;
}

async function compareBatch(
  context: EngineContext,
  uses: readonly LayerUse[],
  mapping: IdMapping,
): Promise<readonly LayerUse[]> {
  const { layers } = context.store;
  const directories = uses.map(({ image, index }) => directoryOf(context, image, index, mapping));
  await using unpacker = new LayerUnpacker(context, mapping, uses.length);
  const fresh: string[] = [];
  try {
    const opaque: boolean[] = [];
    for (const { image, index } of uses) {
      const { prepared, unpack } = await unpacker.slot();
      fresh.push(prepared);
      const layer = image.layers[index] as ImageRecord["layers"][number];
      const unpacked = await unpack({
        source: storedBlob(context.store, layer).bytes,
        mediaType: layer.mediaType,
        diffId: layer.diffId,
        limits: new UnpackBudget(readLimits(unpackLimits()), image.layers.length).layerLimits(),
      });
      opaque.push(unpacked.opaqueRoot);
      const below = image.layers.slice(0, index).reverse();
      const implied = unpacked.impliedDirectories;
      if (!unpacked.opaqueRoot && implied.length > 0 && below.length > 0) {
        const lowers = below.map(({ chainId }) => layers.diffPath(mapping.key, chainId));
        await inheritAttributes(prepared, lowers, implied, mapping);
      }
    }
    const digests = await digestsOf(context, [...directories, ...fresh], mapping);
    return uses.filter(
      (_, n) =>
        digests[n] !== digests[n + uses.length] ||
        opaque[n] !== hasOpaqueRoot(directories[n] as string),
    );
  } finally {
    for (const directory of fresh) await discardTree(context, path.dirname(directory));
  }
}

function directoryOf(
  { store }: EngineContext,
  image: ImageRecord,
  index: number,
  mapping: IdMapping,
): string {
  const layer = image.layers[index] as ImageRecord["layers"][number];
  return store.layers.diffPath(mapping.key, layer.chainId);
}

/** Digests of the archives that directories of layers would make; all of one mapping. */
async function digestsOf(
  context: EngineContext,
  directories: readonly string[],
  mapping: IdMapping,
): Promise<readonly string[]> {
  const keyed = path.join(context.store.root, "layers", mapping.key);
  const fd = openSync(keyed, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const worker = startInside({
      // Root itself may read everything, and no user namespace of its own may walk to the layers.
      place: { kind: "directory", fd, mapping: context.host().uid === 0 ? undefined : mapping },
      task: {
        op: "digest",
        trees: directories.map((directory) => directory.slice(keyed.length)),
        isSingleId: mapping.single,
      },
      context: "read layers",
    });
    let text = "";
    for await (const chunk of worker.output ?? []) text += String(chunk);
    await worker.done;
    return text.split("\n");
  } finally {
    closeSync(fd);
  }
}
