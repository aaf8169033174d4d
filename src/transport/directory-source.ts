import { type Digest, digestHex } from "../oci/digest.ts";
import { maxManifestBytes } from "../oci/manifest.ts";
import { sourceManifest } from "../oci/source-manifest.ts";
import type { ImageSource } from "../oci/transfer.ts";
import { verifiedBytes } from "../oci/verified-bytes.ts";
import type { ArchivedImage } from "./archived-image.ts";
import { type ImageFiles, invalidArchive, readWhole, shown } from "./image-files.ts";

/** The file that makes a directory one of `dir:`. */
export const directoryMark = "version";
/** The manifest or index of its image; an inner one has its digest before the name. */
export const directoryManifestFile = "manifest.json";
/** What stands before the version in {@link directoryMark}; containers/image's format. */
export const directoryMarkText = "Directory Transport Version: ";

/**
 * The image of a `dir:` directory.
 *
 * @throws TsmanError ARCHIVE_INVALID
 */
export async function directoryImages(files: ImageFiles): Promise<readonly ArchivedImage[]> {
  const mark = (await readWhole(files, directoryMark, 1024)).toString("latin1");
  if (!mark.startsWith(`${directoryMarkText}1.`)) {
    throw invalidArchive(files.name, `its ${directoryMark} says ${shown(mark.trim())}`);
  }
  const source = directorySource(files);
  return [{ names: [], open: async () => source }];
}

function directorySource(files: ImageFiles): ImageSource {
  return {
    name: files.name,
    readManifest: async (digest) => {
      const file = digest === undefined ? directoryManifestFile : innerManifestFile(digest);
      const bytes = await readWhole(files, file, maxManifestBytes);
      return sourceManifest(bytes, digest === undefined ? undefined : { digest }, files.name);
    },
    readBlob: (descriptor) => {
      const file = digestHex(descriptor.digest);
      if (files.size(file) === undefined) {
        throw invalidArchive(files.name, `it has no blob ${descriptor.digest}`);
      }
      return verifiedBytes(files.read(file), descriptor, `read blob of ${files.name}`);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Where a `dir:` keeps a manifest that its index names. */
export function innerManifestFile(digest: Digest): string {
  return `${digestHex(digest)}.${directoryManifestFile}`;
}
