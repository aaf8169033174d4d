import { closeSync } from "node:fs";
import { readRange } from "../platform/read-range.ts";
import type { ImageFiles } from "./image-files.ts";
import { indexArchive } from "./tar-index.ts";

/**
 * The files of a tar archive, without unpacking it.
 *
 * @param fd a regular file, uncompressed; closed with the result
 * @param name as messages name it
 * @throws TsmanError ARCHIVE_INVALID
 */
export function archiveFiles(fd: number, name: string): ImageFiles {
  const members = indexArchive(fd, name);
  return {
    name,
    size: (file) => members.get(file)?.size,
    async *read(file, start = 0) {
      const range = members.get(file);
      if (range === undefined || range.size <= start) return;
      yield* readRange(fd, { start: range.offset + start, size: range.size - start });
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}
