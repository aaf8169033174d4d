import type { Descriptor } from "../descriptor.ts";
import { type Digest, isDigest } from "../digest.ts";

/** A larger table of contents is not read; compressed, bytes. */
export const maxTocBytes = 4 * 1024 * 1024;
/** A larger table of contents is not read; unpacked, bytes. */
export const maxUnpackedTocBytes = 16 * 1024 * 1024;

/** A larger list of headers is not read; unpacked, bytes. */
export const maxUnpackedSplitBytes = 32 * 1024 * 1024;

/** Where a layer says that its table of contents is. */
export type TocLocation =
  | {
      readonly format: "zstd:chunked";
      /** Of its compressed bytes. */
      readonly digest: Digest;
      /** Of its compressed bytes in the blob. */
      readonly start: number;
      readonly end: number;
      /** The same of the archive's headers (tar-split), which newer producers add. */
      readonly split: { readonly start: number; readonly end: number } | undefined;
    }
  | {
      readonly format: "eStargz";
      /** Of the document; the blob's last bytes say where it is. */
      readonly digest: Digest;
    };

/** Before and after Podman 4.5; containers/storage, pkg/chunked/internal. */
const chunkedPrefixes = ["io.github.containers.zstd-chunked.", "io.containers.zstd-chunked."];
/** stargz-snapshotter, docs/estargz.md, "Content Verification in eStargz". */
const stargzDigest = "containerd.io/snapshot/stargz/toc.digest";
/** OFFSET:LENGTH:UNPACKED LENGTH:TYPE, of which type 1 is the only one; headers have no type. */
const tablePosition = /^(\d{1,15}):(\d{1,15}):(\d{1,15}):1$/;
const splitPosition = /^(\d{1,15}):(\d{1,15}):(\d{1,15})$/;

/**
 * What a layer's descriptor says of a table of contents; undefined where it says nothing, or
 * nothing that makes sense: such a layer is fetched whole.
 */
export function findTocLocation(layer: Descriptor): TocLocation | undefined {
  const { annotations = {}, size } = layer;
  for (const prefix of chunkedPrefixes) {
    const digest = annotations[`${prefix}manifest-checksum`] ?? "";
    const table = tablePosition.exec(annotations[`${prefix}manifest-position`] ?? "");
    const range = rangeOf(table, size, maxUnpackedTocBytes);
    const headers = splitPosition.exec(annotations[`${prefix}tarsplit-position`] ?? "");
    const split = rangeOf(headers, size, maxUnpackedSplitBytes);
    if (isDigest(digest) && range !== undefined) {
      return { format: "zstd:chunked", digest, ...range, split };
    }
  }
  const digest = annotations[stargzDigest] ?? "";
  return isDigest(digest) ? { format: "eStargz", digest } : undefined;
}

function rangeOf(found: RegExpExecArray | null, size: number, maxUnpacked: number) {
  const [start = 0, length = 0, unpacked = 0] = (found ?? []).slice(1).map(Number);
  const isInside = start > 0 && length > 0 && start + length <= size;
  const isSmall = length <= maxTocBytes && unpacked <= maxUnpacked;
  return isInside && isSmall ? { start, end: start + length } : undefined;
}
