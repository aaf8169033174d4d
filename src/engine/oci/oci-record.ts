import { isTsmanError } from "../../errors/index.ts";
import { flag, map, members, type Shaped, text } from "../../oci/shape.ts";
import { readSmallFile } from "../../platform/atomic-file.ts";
import { isErrno } from "../../platform/errno.ts";

// What is remembered of a container.  The file is our own, but a disk that was full, or somebody's
// hand, may have damaged it: that must not keep the others from being listed, nor it from being removed.

const shape = members(
  {
    ociVersion: text,
    id: text,
    bundle: text,
    rootfs: text,
    created: text,
    owner: text,
    annotations: map(text, text),
    /** What is read back when its program runs. */
    walls: members({ bounding: text, noNewPrivileges: flag, hasFilter: flag }, {}),
    /** Nobody else's processes are in its pid namespace. */
    hasOwnPids: flag,
    /** Whether it has hooks for after its start and its end. */
    hooks: members({ poststart: flag, poststop: flag }, {}),
  },
  {
    /** Nor in its mount namespace; missing, of an older version's: they are not. */
    hasOwnMounts: flag,
  },
);

/** What is remembered of a container; its state is the kernel's to say. */
export type OciRecord = Readonly<Shaped<typeof shape>>;

/** Annotations may be as long as those of a config.json. */
const maxRecordBytes = 32 * 1024 * 1024;

/**
 * Reads a container's record.
 *
 * @returns undefined when it is missing; what is wrong with it when it is damaged.
 */
export function readOciRecord(
  file: string,
): { readonly record: OciRecord } | { readonly fault: string } | undefined {
  try {
    return { record: shape(JSON.parse(readSmallFile(file, maxRecordBytes).toString("utf8"))) };
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    // The words of JSON.parse would quote the document.
    if (error instanceof SyntaxError) return { fault: `read ${file}: not JSON` };
    const { message } = error as Error;
    return { fault: isTsmanError(error) ? message : `read ${file}: ${message}` };
  }
}
