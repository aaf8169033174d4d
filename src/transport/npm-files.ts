import type { ImageFiles } from "./image-files.ts";

/** Where an image lies in a package; npm puts all of a package into `package/`. */
export const npmLayoutDirectory = "oci";

/** The OCI layout in the archive of an npm package. */
export function npmLayoutFiles(archive: ImageFiles): ImageFiles {
  const inside = (file: string): string => `package/${npmLayoutDirectory}/${file}`;
  return {
    name: archive.name,
    size: (file) => archive.size(inside(file)),
    read: (file, start) => archive.read(inside(file), start),
    [Symbol.dispose]: () => archive[Symbol.dispose](),
  };
}
