import { createHash } from "node:crypto";
import { openSync } from "node:fs";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { applyChange } from "../../oci/commit-change.ts";
import { diffIdFromHex, digestHex } from "../../oci/digest.ts";
import { type Compression, layerMediaType } from "../../oci/media-types.ts";
import { hostPlatform } from "../../oci/platform.ts";
import { compressionOf, decompressBlob } from "../../platform/decompression.ts";
import { toGivenFileError } from "../../platform/errno.ts";
import { readStream } from "../../platform/read-stream.ts";
import { collectGarbage } from "../../store/gc.ts";
import { type EngineContext, mappingFor } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import type { ImportOptions } from "../transfer-types.ts";
import { assertAdmitted, type ImageOrigin } from "./assert-admitted.ts";
import { ensureLayers, leavesNothing } from "./ensure-layers.ts";
import { archiveLimits } from "./image-limits.ts";
import { newImageName } from "./name-image.ts";
import { composeImage, enterImage, type WrittenLayer } from "./write-image.ts";

/** As `ImageTransferService.import`. */
export async function importArchive(
  context: EngineContext,
  options: ImportOptions,
): Promise<{ readonly id: string }> {
  const removeTree = (tree: string) => discardTree(context, tree);
  try {
    return await importOnce(context, options);
  } catch (error) {
    if (leavesNothing(error) || isTsmanError(error, "ARCHIVE_INVALID")) {
      await collectGarbage(context.store, { removeTree });
    }
    throw error;
  }
}

async function importOnce(
  context: EngineContext,
  options: ImportOptions,
): Promise<{ readonly id: string }> {
  const { signal, onProgress } = options;
  // What is wrong with them is found before anything is read.
  const config = (options.changes ?? []).reduce(applyChange, {});
  const name = options.image === undefined ? undefined : newImageName(options.image);
  // Nobody collects the layer before the image that needs it is entered.
  await using _content = await context.store.lockContent({ shared: true, signal });
  await assertAdmitted(context, originOf(options), [], { signal });
  const layer = await storeLayer(context, options);
  const image = composeImage(documentOf(config, layer, options), [layer], { format: "oci", name });
  await ensureLayers(context, image.record, {
    mapping: mappingFor(context, { mode: "default" }),
    signal,
    onProgress,
  });
  const { id } = enterImage(context, image);
  context.events.emit({ type: "image", status: "import", id, name: name ?? id });
  await context.store.layers.sync();
  return { id };
}

/** As policies name it: only a file has a place. */
function originOf({ input }: ImportOptions): ImageOrigin {
  const path = typeof input === "string" && !isUrl(input) ? input : undefined;
  return { transport: "tarball", path };
}

function documentOf(
  config: Readonly<Record<string, unknown>>,
  layer: WrittenLayer,
  { input, message, platform }: ImportOptions,
): Readonly<Record<string, unknown>> {
  const host = hostPlatform();
  const { os = host.os, architecture = host.architecture } = platform ?? {};
  const variant = platform?.architecture === undefined ? host.variant : platform.variant;
  const created = new Date().toISOString();
  const from = typeof input === "number" ? "-" : withoutQuery(input);
  return {
    created,
    os,
    architecture,
    ...(variant !== undefined && { variant }),
    config,
    history: [
      {
        created,
        created_by: `/bin/sh -c #(nop) ADD file:${digestHex(layer.diffId)} in /`,
        comment: message ?? `Imported from ${from}`,
      },
    ],
  };
}

/** What follows ? in an address may be a secret. */
function withoutQuery(input: string): string {
  return isUrl(input) ? input.replace(/[?#].*$/, "") : input;
}

function isUrl(input: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(input);
}

/** The archive as it comes, as a blob; then what it unpacks to, for the diffID. */
async function storeLayer(context: EngineContext, options: ImportOptions): Promise<WrittenLayer> {
  const what = typeof options.input === "number" ? "standard input" : withoutQuery(options.input);
  const { blobs } = context.store;
  const limits = archiveLimits();
  let head = Buffer.alloc(0);
  async function* looked(): AsyncGenerator<Uint8Array> {
    let size = 0;
    for await (const chunk of await openBytes(context, options)) {
      options.signal?.throwIfAborted();
      size += chunk.length;
      if (size > limits.maxBytes) {
        throw new TsmanError("LAYER_LIMIT", `import ${what}: more than ${limits.maxBytes} bytes`);
      }
      if (head.length < 6) head = Buffer.concat([head, chunk.subarray(0, 6)]);
      yield chunk;
    }
    if (size === 0) throw new TsmanError("ARCHIVE_INVALID", `import ${what}: it is empty`);
  }
  const { digest, size } = await blobs.write(looked());
  const compression = requireCompression(head, what);
  const mediaType = layerMediaType("oci", compression);
  if (compression === "none") {
    return { blob: digest, size, mediaType, diffId: diffIdFromHex(digestHex(digest)) };
  }
  const hash = createHash("sha256");
  try {
    for await (const chunk of decompressBlob(blobs.read(digest), limits, "it")) {
      options.signal?.throwIfAborted();
      hash.update(chunk);
    }
  } catch (error) {
    if (!isTsmanError(error, "LAYER_INVALID")) throw error;
    throw new TsmanError("ARCHIVE_INVALID", `import ${what}: ${error.message}`, { cause: error });
  }
  return { blob: digest, size, mediaType, diffId: diffIdFromHex(hash.digest("hex")) };
}

function requireCompression(head: Buffer, what: string): Compression {
  const compression = compressionOf(head);
  if (compression !== undefined) return compression;
  throw new TsmanError(
    "ARCHIVE_INVALID",
    `import ${what}: it is compressed with something else than gzip or zstd`,
    { hint: "uncompress it on the way: xz -dc FILE | tsman import -" },
  );
}

async function openBytes(
  context: EngineContext,
  { input, signal, onProgress }: ImportOptions,
): Promise<AsyncIterable<Uint8Array>> {
  if (typeof input === "number") return readFile(input, "standard input", signal);
  if (!isUrl(input)) return readFile(openFile(input), input, signal);
  const { fetchUrl } = await import("../../registry/fetch-url.ts");
  const { tsmanVersion } = await import("../version.ts");
  const { proxy } = await context.settings();
  return fetchUrl(parseUrl(input), {
    userAgent: `tsman/${tsmanVersion()}`,
    signal,
    proxy,
    onRetry: ({ what, reason, delayMs }) =>
      onProgress?.({ kind: "retry", digest: what, reason, delayMs }),
  });
}

function parseUrl(text: string): URL {
  try {
    return new URL(text);
  } catch (error) {
    throw new TsmanError("USAGE", "import an image: its address is none", { cause: error });
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw toGivenFileError(error, `import ${path}`, "read");
  }
}

async function* readFile(
  fd: number,
  name: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* readStream(fd, signal);
  } catch (error) {
    throw toGivenFileError(error, `import ${name}`, "read");
  }
}
