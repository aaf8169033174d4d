import type { UsernsMaps } from "../platform/userns.ts";
import { type UnpackOptions, UnpackWorker } from "./unpack-worker.ts";
import type { UnpackedLayer } from "./unpacked-layer.ts";

/** What {@link unpackLayer} takes. */
export interface UnpackLayerOptions extends Omit<UnpackOptions, "directory"> {
  /** An existing, empty directory of the caller's.  On failure it is left as it is then. */
  readonly targetDir: string;
  readonly mapping: UsernsMaps;
}

/** Unpacks one layer with a worker of its own: {@link UnpackWorker}. */
export async function unpackLayer(options: UnpackLayerOptions): Promise<UnpackedLayer> {
  const { targetDir, mapping, ...rest } = options;
  await using worker = await UnpackWorker.start({ directories: [targetDir], mapping });
  return await worker.unpack({ ...rest, directory: 0 });
}
