import type { ArchivedImage } from "./archived-image.ts";
import { directoryImages, directoryMark } from "./directory-source.ts";
import { dockerArchiveImages, dockerManifestFile } from "./docker-archive-source.ts";
import { type ImageFiles, invalidArchive } from "./image-files.ts";
import { layoutImages, layoutMark } from "./layout-source.ts";

/**
 * The images of a tree or archive of any format that is known.  What is several things at once, as
 * recent `docker save` writes it, is read as the OCI layout, which has the original manifests.
 *
 * @throws TsmanError ARCHIVE_INVALID
 */
export async function archivedImages(files: ImageFiles): Promise<readonly ArchivedImage[]> {
  switch (archiveFormat(files)) {
    case "oci":
      return await layoutImages(files);
    case "dir":
      return await directoryImages(files);
    case "docker":
      return await dockerArchiveImages(files);
  }
}

/**
 * What format a tree or archive is of, as {@link archivedImages} decides it.
 *
 * @throws TsmanError ARCHIVE_INVALID
 */
export function archiveFormat(files: ImageFiles): "oci" | "dir" | "docker" {
  const has = (file: string): boolean => files.size(file) !== undefined;
  if (has(layoutMark)) return "oci";
  if (has(directoryMark) && has(dockerManifestFile)) return "dir";
  if (has(dockerManifestFile)) return "docker";
  throw invalidArchive(files.name, `it has none of ${layoutMark} and ${dockerManifestFile}`);
}
