import { openSync, statSync } from "node:fs";
import { isTsmanError } from "../../errors/index.ts";
import { toGivenFileError } from "../../platform/errno.ts";
import { archivedImages, archiveFormat } from "../../transport/archived-images.ts";
import { directoryFiles } from "../../transport/directory-files.ts";
import type { ImageFiles } from "../../transport/image-files.ts";
import { openArchive } from "../../transport/open-archive.ts";
import type { EngineContext } from "../context.ts";
import type { LoadedImage, LoadOptions } from "../transfer-types.ts";
import { type AdmitImage, assertAdmitted, type ImageOrigin } from "./assert-admitted.ts";
import { archiveLimits } from "./image-limits.ts";
import { newImageName } from "./name-image.ts";
import { takeImage } from "./take-image.ts";

/** As `ImageTransferService.load`. */
export async function loadImages(
  context: EngineContext,
  options: LoadOptions,
): Promise<readonly LoadedImage[]> {
  const { input, platform, signal, onProgress } = options;
  using files = await openInput(context, input, signal);
  const origin = loadedFrom(files, input);
  const admit: AdmitImage = async (digests) =>
    await assertAdmitted(context, origin, digests, { signal });
  const loaded: LoadedImage[] = [];
  for (const image of await archivedImages(files)) {
    await using source = await image.open();
    const names = [...new Set(image.names.flatMap(storeName))];
    const { id } = await takeImage(context, source, {
      names,
      admit,
      platform,
      signal,
      onProgress,
    });
    const name = names[0] ?? id;
    context.events.emit({ type: "image", status: "loadfromarchive", id, name });
    loaded.push({ id, names });
  }
  return loaded;
}

/** Which location would mean the same, for policies. */
function loadedFrom(files: ImageFiles, input: string | number): ImageOrigin {
  const format = archiveFormat(files);
  const path = typeof input === "number" ? undefined : input;
  const isTree = path !== undefined && isDirectory(path);
  const isItself = format === "dir" || (isTree && format === "oci");
  return { transport: isItself ? format : `${format}-archive`, path };
}

/**
 * The files of an archive or directory.
 *
 * @param input a path, or a descriptor, which is closed with the result
 * @param name as messages name it
 * @throws TsmanError ARCHIVE_INVALID, PREFLIGHT_STORAGE
 */
export async function openInput(
  context: EngineContext,
  input: string | number,
  signal: AbortSignal | undefined,
  name = typeof input === "number" ? "standard input" : input,
): Promise<ImageFiles> {
  if (typeof input === "string" && isDirectory(input)) return directoryFiles(input, name);
  return await openArchive(typeof input === "number" ? input : openFile(input), {
    name,
    limits: archiveLimits(),
    openSpool: () => context.store.blobs.openSpool(),
    signal,
  });
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw toGivenFileError(error, `read ${path}`, "read");
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw toGivenFileError(error, `read ${path}`, "read");
  }
}

/**
 * The name that an image gets in the store: one that names no registry was made here, as Podman
 * sees it.  What is no name at all is left out.
 */
export function storeName(text: string): string[] {
  try {
    return [newImageName(text)];
  } catch (error) {
    if (isTsmanError(error, "REFERENCE_INVALID") || isTsmanError(error, "USAGE")) return [];
    throw error;
  }
}
