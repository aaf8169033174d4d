import { createHash } from "node:crypto";
import { type ByteSource, decompress, type Meter } from "../../platform/decompression.ts";
import type { UnpackLimits } from "../limits.ts";
import { type IdRange, maxImpliedBytes, type UnpackAnswer } from "../worker-protocol.ts";
import { EntryExtraction } from "./entry-extraction.ts";
import { LayerTarget } from "./layer-target.ts";
import { LayerTree } from "./layer-tree.ts";
import { OwnerPolicy } from "./owner-policy.ts";
import { TarFraming } from "./tar-framing.ts";

/** What {@link unpackArchive} takes: limits, and the ids that exist here. */
export interface ArchiveOptions {
  readonly limits: UnpackLimits;
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
}

/**
 * The one pass: decompress → sha256 (diffID) → tar-stream → files.
 *
 * @param source the compressed layer
 * @param root what stands for the layer's root: "" in a chrooted process
 * @throws TsmanError that names the entry
 */
export async function unpackArchive(
  source: ByteSource,
  root: string,
  { limits, uids, gids }: ArchiveOptions,
): Promise<UnpackAnswer> {
  const meter: Meter = { compressed: 0, unpacked: 0 };
  const hash = createHash("sha256");
  const framing = new TarFraming(limits);
  const tree = new LayerTree(root);
  const target = new LayerTarget(tree, new OwnerPolicy(uids, gids), limits);
  const extraction = new EntryExtraction(target);
  for await (const chunk of decompress(source, limits, meter)) {
    hash.update(chunk);
    for (const piece of framing.push(chunk)) await extraction.write(piece);
  }
  try {
    framing.finish();
  } catch (error) {
    throw extraction.withinOpenEntry(error);
  }
  await extraction.end();
  return {
    outcome: "unpacked",
    sha256: hash.digest("hex"),
    entries: framing.entries,
    bytes: meter.unpacked,
    compressedBytes: meter.compressed,
    ...target.counts,
    impliedDirectories: limited(target.implied),
    opaqueRoot: tree.opaqueRoot,
  };
}

/** As many as an answer has room for. */
function limited(names: readonly string[]): string[] {
  let size = 0;
  return names.filter((name) => {
    size += Buffer.byteLength(JSON.stringify(name)) + 1;
    return size <= maxImpliedBytes;
  });
}
