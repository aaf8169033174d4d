import { chown } from "node:fs/promises";
import process from "node:process";
import { TsmanError } from "../errors/index.ts";
import type { IdMapEntry, UsernsMaps } from "../platform/userns.ts";
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
  await adoptDirectory(targetDir, mapping);
  await using worker = UnpackWorker.start({ directories: [targetDir], mapping });
  return await worker.unpack({ ...rest, directory: 0 });
}

/**
 * As root the caller is not in the mapping (architecture.md, section 3), and root of the namespace
 * has no power over files of ids that it lacks: the directory must be its own.
 */
async function adoptDirectory(directory: string, mapping: UsernsMaps): Promise<void> {
  if (process.geteuid?.() !== 0) return;
  await chown(directory, outsideRoot(mapping.uid), outsideRoot(mapping.gid));
}

function outsideRoot(entries: readonly IdMapEntry[]): number {
  const entry = entries.find(({ inside }) => inside === 0);
  if (entry === undefined) {
    throw new TsmanError("INTERNAL", "unpack a layer with an id mapping that has no 0");
  }
  return entry.outside;
}
