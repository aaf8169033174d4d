import { closeSync, ftruncateSync, writeSync } from "node:fs";
import { readNpmSettings } from "../../config/npmrc.ts";
import { TsmanError } from "../../errors/index.ts";
import { formatNpmReference, type NpmReference } from "../../oci/npm-reference.ts";
import { toFileError } from "../../platform/errno.ts";
import { type ArchiveSink, openNpmRegistry } from "../../registry/npm-package.ts";
import type { ImageFiles } from "../../transport/image-files.ts";
import { npmLayoutFiles } from "../../transport/npm-files.ts";
import { openArchive } from "../../transport/open-archive.ts";
import type { EngineContext } from "../context.ts";
import { tsmanVersion } from "../version.ts";
import { archiveLimits } from "./image-limits.ts";
import type { AccessOptions } from "./registry-access.ts";

/**
 * The OCI layout of an npm package, fetched from the registry that npm's settings name.
 *
 * @throws TsmanError IMAGE_NOT_FOUND, DIGEST_MISMATCH, ARCHIVE_INVALID, LAYER_LIMIT, REGISTRY_*
 */
export async function openNpmFiles(
  context: EngineContext,
  { package: reference }: { readonly package: NpmReference },
  options: AccessOptions,
): Promise<ImageFiles> {
  const name = formatNpmReference(reference);
  const { transfer, proxy } = await context.settings();
  const { signal, tlsVerify, onProgress } = options;
  await using client = openNpmRegistry(reference, {
    settings: readNpmSettings(),
    tlsVerify,
    signal,
    proxy,
    userAgent: `tsman/${tsmanVersion()}`,
    retry: { retries: transfer.retries, maxRetryAfterMs: transfer.longestWait },
    timeouts: {
      connectMs: transfer.connectTimeout,
      headersMs: transfer.answerTimeout,
      stallMs: transfer.stallTimeout,
      leastSpeed: transfer.leastSpeed,
    },
    onRetry: ({ what, reason, delayMs }) =>
      onProgress?.({ kind: "retry", digest: what, reason, delayMs }),
  });
  const wanted = await client.resolve();
  const openSpool = (): number => context.store.blobs.openSpool();
  const limits = archiveLimits();
  const archive = openSpool();
  try {
    await client.download(wanted, sinkOf(archive, limits.maxBytes, name));
  } catch (error) {
    closeSync(archive);
    throw error;
  }
  return npmLayoutFiles(await openArchive(archive, { name, limits, openSpool, signal }));
}

/** Keeps the archive in a file; what is larger than any image may be is not kept. */
function sinkOf(fd: number, maxBytes: number, name: string): ArchiveSink {
  let size = 0;
  return {
    begin: () => {
      size = 0;
      ftruncateSync(fd, 0);
    },
    write: (chunk) => {
      if (size + chunk.length > maxBytes) {
        throw new TsmanError("LAYER_LIMIT", `fetch ${name}: it has more than ${maxBytes} bytes`);
      }
      try {
        for (let from = 0; from < chunk.length; ) {
          const written = writeSync(fd, chunk, from, chunk.length - from, size);
          from += written;
          size += written;
        }
      } catch (error) {
        throw toFileError(error, `keep ${name}`);
      }
    },
  };
}
