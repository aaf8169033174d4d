import { digestHex } from "../oci/digest.ts";
import type { ImageDestination, SourceManifest } from "../oci/transfer.ts";
import type { DirectoryOutput } from "./directory-output.ts";
import {
  directoryManifestFile,
  directoryMark,
  directoryMarkText,
  innerManifestFile,
} from "./directory-source.ts";

/** What `dir:` puts into a directory besides the files that it is known by. */
const filePattern = /^(?:[0-9a-f]{64}(?:\.manifest\.json)?|(?:[0-9a-f]{64}\.)?signature-\d+)$/;

/** Writes one image as `dir:`: each blob under its digest, the manifest beside. */
export function directoryDestination(output: DirectoryOutput): ImageDestination {
  let top: SourceManifest | undefined;
  const wanted = new Set<string>([directoryMark, directoryManifestFile]);
  return {
    name: output.name,
    hasBlob: async ({ digest, size }) => {
      wanted.add(digestHex(digest));
      return output.size(digestHex(digest)) === size;
    },
    writeBlob: async ({ digest, size }, bytes) =>
      await output.write(digestHex(digest), size, bytes),
    writeManifest: async (manifest, { isTop }) => {
      const file = innerManifestFile(manifest.digest);
      if (isTop) top = manifest;
      else await output.put(file, manifest.bytes);
      wanted.add(file);
    },
    commit: async () => {
      await output.put(directoryMark, Buffer.from(`${directoryMarkText}1.1\n`));
      await output.commit(directoryManifestFile, top?.bytes ?? Buffer.alloc(0));
      // What another image has left there; its signatures would be taken for this one's.
      output.prune((file) => filePattern.test(file) && !wanted.has(file));
    },
    [Symbol.asyncDispose]: async () => await output[Symbol.asyncDispose](),
  };
}
