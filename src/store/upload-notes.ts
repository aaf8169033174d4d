import { rmSync } from "node:fs";
import path from "node:path";
import { isTsmanError } from "../errors/index.ts";
import { type Digest, digestHex, sha256Digest } from "../oci/digest.ts";
import { readSmallFile, writeFileAtomic } from "../platform/atomic-file.ts";
import { isErrno, toFileError } from "../platform/errno.ts";
import { tryLockFile } from "../platform/file-lock.ts";

/** What is known of an upload that outlives its process. */
export interface UploadNote extends Disposable {
  /** Where the registry goes on, as an earlier process has noted it; from outside. */
  readonly location: string | undefined;
  /** Notes where it goes on now. */
  write(location: string): void;
  /** It is over. */
  remove(): void;
}

/** Longer than any URL of a registry; bytes. */
const maxNoteBytes = 16 * 1024;

/**
 * The note of the upload of a blob to a repository, held until it is disposed of; undefined while
 * another process has it.  It may be as good as a password to what is sent, so nobody else can read
 * it; garbage collection removes it after a week, as registries do with the upload.
 *
 * @param place `registry/repository`
 */
export function claimUploadNote(
  root: string,
  place: string,
  digest: Digest,
): UploadNote | undefined {
  const hex = digestHex(sha256Digest(`${place}@${digest}`));
  const file = path.join(root, "blobs/partial", `${hex}.upload`);
  const lock = tryLockFile(path.join(root, "locks", `blob-${hex}`));
  if (lock === undefined) return undefined;
  return {
    location: readNote(file),
    write: (location) => {
      try {
        writeFileAtomic(file, location);
      } catch (error) {
        throw toFileError(error, `note the upload of blob ${digest}`);
      }
    },
    remove: () => rmSync(file, { force: true }),
    // Nobody waits for it.
    [Symbol.dispose]: () => lock.remove(),
  };
}

function readNote(file: string): string | undefined {
  try {
    return readSmallFile(file, maxNoteBytes).toString("utf8") || undefined;
  } catch (error) {
    // Damaged, or none that we have written.
    if (isErrno(error, "ENOENT") || isTsmanError(error, "DOCUMENT_INVALID")) return undefined;
    throw toFileError(error, "read the note of an upload");
  }
}
