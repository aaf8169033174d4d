import { closeSync, createReadStream } from "node:fs";
import { chunkBytes, type ImageFiles } from "./image-files.ts";
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
      const end = range.offset + range.size - 1;
      yield* createReadStream("", {
        fd,
        autoClose: false,
        start: range.offset + start,
        end,
        highWaterMark: chunkBytes,
      });
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}
