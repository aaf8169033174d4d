import { TsmanError } from "../errors/index.ts";

/** The files of a layout or archive by name, wherever they lie; as untrusted as a registry. */
export interface ImageFiles extends Disposable {
  /** As messages name it: `oci-archive:./image.tar`. */
  readonly name: string;
  /** Bytes of a regular file; undefined if there is none of this name. */
  size(file: string): number | undefined;
  /** Its bytes from `start` on; it must be there. */
  read(file: string, start?: number): AsyncIterable<Uint8Array>;
}

/**
 * A whole file of at most `maxBytes`.
 *
 * @throws TsmanError ARCHIVE_INVALID when it is missing or larger
 */
export async function readWhole(
  files: ImageFiles,
  file: string,
  maxBytes: number,
): Promise<Buffer> {
  const size = files.size(file);
  if (size === undefined) throw invalidArchive(files.name, `it has no file ${shown(file)}`);
  if (size > maxBytes) {
    throw invalidArchive(files.name, `${shown(file)} has ${size} bytes, ${maxBytes} are the limit`);
  }
  const chunks: Uint8Array[] = [];
  let count = 0;
  for await (const chunk of files.read(file)) {
    count += chunk.length;
    // It may grow while it is read.
    if (count > maxBytes) throw invalidArchive(files.name, `${shown(file)} grows`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What is wrong with an archive or layout. */
export function invalidArchive(name: string, why: string, cause?: unknown): TsmanError {
  return new TsmanError("ARCHIVE_INVALID", `read ${name}: ${why}`, {
    hint: "it was damaged, or is no image: make it anew with tsman save, podman save or skopeo copy",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A name from outside in a message: short and without control characters (case S35). */
export function shown(text: string): string {
  const cut = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  return cut.replace(/[^\x20-\x7e…]/g, "?");
}
