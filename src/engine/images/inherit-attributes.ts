import type { IdMapping } from "../../rootless/id-mapping.ts";
import { hasOpaqueRoot } from "./opaque-root.ts";

/**
 * Gives directories that a layer only implies, by a name below them, the attributes that they have
 * in the layers below.
 *
 * @param targetDir the unpacked layer
 * @param lowers the layers below it, uppermost first; all complete
 * @param implied of the unpacked layer
 */
export async function inheritAttributes(
  targetDir: string,
  lowers: readonly string[],
  implied: readonly string[],
  mapping: IdMapping,
): Promise<void> {
  const opaque = lowers.findIndex(hasOpaqueRoot);
  const seen = opaque < 0 ? lowers : lowers.slice(0, opaque + 1);
  const { inheritRoot, UnpackWorker } = await import("../../layer/index.ts");
  const [below] = seen;
  // The root alone, as with most layers: a worker for that costs more than to unpack a small layer.
  const isRootOnly = implied.length === 1 && implied[0] === "";
  if (isRootOnly && below !== undefined && inheritRoot(targetDir, below)) return;
  await using worker = UnpackWorker.start({ directories: [targetDir, ...seen], mapping });
  const positions = seen.map((_, index) => index + 1);
  await worker.inherit(0, positions, implied);
}
