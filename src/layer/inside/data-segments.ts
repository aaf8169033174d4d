import { lseek } from "../../platform/libc/files.ts";
import type { Segment } from "../worker/content-layout.ts";

/** More would not fit into a header; what follows the last one counts as data then. */
const mostSegments = 16_384;

/**
 * The pieces of an open file that are no holes, as its file system knows them; one piece where that
 * knows nothing.  The descriptor's offset is changed.
 *
 * @param size bytes of the file
 */
export function dataSegments(fd: number, size: number): readonly Segment[] {
  const segments: Segment[] = [];
  let end = 0;
  while (end < size) {
    const offset = lseek(fd, end, "data") ?? size;
    if (offset >= size) break;
    const isLast = segments.length + 1 === mostSegments;
    end = Math.min(size, (isLast ? undefined : lseek(fd, offset, "hole")) ?? size);
    if (end <= offset) break;
    segments.push({ offset, length: end - offset });
  }
  return segments;
}
