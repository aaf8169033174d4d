import { createHash } from "node:crypto";
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

/**
 * Unpacks a layer once more, beside, and compares: names, contents, owners, modes, times, links.
 *
 * @param index of the layer in the image; its blob is there.
 * @returns whether the unpacked layer is what its blob makes.
 */
export async function compareLayer(
  context: EngineContext,
  image: ImageRecord,
  index: number,
  mapping: IdMapping,
): Promise<boolean> {
  const layer = image.layers[index] as ImageRecord["layers"][number];
  const { layers } = context.store;
  const directory = layers.diffPath(mapping.key, layer.chainId);
  await using unpacker = new LayerUnpacker(context, mapping, 1);
  const { prepared, unpack } = await unpacker.slot();
  try {
    const limits = new UnpackBudget(readLimits(unpackLimits()), image.layers.length);
    const source = storedBlob(context.store, layer);
    const unpacked = await unpack({
      source: source.bytes,
      mediaType: layer.mediaType,
      diffId: layer.diffId,
      limits: limits.layerLimits(),
    });
    if (unpacked.opaqueRoot !== hasOpaqueRoot(directory)) return false;
    const below = image.layers.slice(0, index).reverse();
    const implied = unpacked.impliedDirectories;
    if (!unpacked.opaqueRoot && implied.length > 0 && below.length > 0) {
      const lowers = below.map(({ chainId }) => layers.diffPath(mapping.key, chainId));
      await inheritAttributes(prepared, lowers, implied, mapping);
    }
    const is = await fingerprint(directory, mapping);
    return is === (await fingerprint(prepared, mapping));
  } finally {
    await discardTree(context, path.dirname(prepared));
  }
}

/** The digest of an archive of a directory: its entries are in the order of their names. */
async function fingerprint(directory: string, mapping: IdMapping): Promise<string> {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const worker = startInside({
      place: { kind: "directory", fd, mapping },
      task: {
        op: "archive",
        source: "/",
        mustBeDirectory: true,
        name: "",
        fileName: "",
        isSingleId: mapping.single,
      },
      context: `read ${directory}`,
    });
    const hash = createHash("sha256");
    for await (const chunk of worker.output ?? []) hash.update(chunk as Buffer);
    await worker.done;
    return hash.digest("hex");
  } finally {
    closeSync(fd);
  }
}
