import { digestHex } from "../oci/digest.ts";
import type { ImageDestination, SourceManifest } from "../oci/transfer.ts";
import type { DirectoryOutput } from "./directory-output.ts";
import {
  directoryManifestFile,
  directoryMark,
  directoryMarkText,
  innerManifestFile,
} from "./directory-source.ts";

/** Writes one image as `dir:`: each blob under its digest, the manifest beside. */
export function directoryDestination(output: DirectoryOutput): ImageDestination {
  let top: SourceManifest | undefined;
  return {
    name: output.name,
    hasBlob: async ({ digest, size }) => output.size(digestHex(digest)) === size,
    writeBlob: async ({ digest, size }, bytes) =>
      await output.write(digestHex(digest), size, bytes),
    writeManifest: async (manifest, { isTop }) => {
      if (isTop) top = manifest;
      else await output.put(innerManifestFile(manifest.digest), manifest.bytes);
    },
    commit: async () => {
      await output.put(directoryMark, Buffer.from(`${directoryMarkText}1.1\n`));
      await output.commit(directoryManifestFile, top?.bytes ?? Buffer.alloc(0));
    },
    [Symbol.asyncDispose]: async () => await output[Symbol.asyncDispose](),
  };
}
