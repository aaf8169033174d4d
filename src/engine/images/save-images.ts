import { existsSync } from "node:fs";
import path from "node:path";
import { TsmanError } from "../../errors/index.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ImageDestination, ImageSource } from "../../oci/transfer.ts";
import type { ImageRecord } from "../../store/images.ts";
import { directoryDestination } from "../../transport/directory-destination.ts";
import { directoryFiles } from "../../transport/directory-files.ts";
import { DirectoryOutput } from "../../transport/directory-output.ts";
import { directoryMark } from "../../transport/directory-source.ts";
import {
  DockerArchiveWriter,
  type KnownLayer,
} from "../../transport/docker-archive-destination.ts";
import { LayoutWriter } from "../../transport/layout-destination.ts";
import { layoutIndexFile, layoutMark, readLayoutDocument } from "../../transport/layout-source.ts";
import type { EngineContext } from "../context.ts";
import type { SaveFormat, SaveOptions } from "../transfer-types.ts";
import { copyImage } from "./copy-image.ts";
import { getImage, writtenName } from "./find-image.ts";
import { archiveLimits } from "./image-limits.ts";
import { openArchiveOutput } from "./open-output.ts";
import { recompressedSource } from "./recompressed-source.ts";
import { storeSource } from "./store-source.ts";
import { layerSizes } from "./unpacked-size.ts";

/** An image and the names under which it is saved. */
interface SavedImage {
  readonly record: ImageRecord;
  readonly names: readonly string[];
}

/** What several images can be written to. */
interface ImagesWriter extends AsyncDisposable {
  readonly image: (names: readonly string[]) => ImageDestination;
  readonly commit: () => Promise<void>;
}

/** As `ImageTransferService.save`. */
export async function saveImages(
  context: EngineContext,
  texts: readonly string[],
  options: SaveOptions,
): Promise<void> {
  const { format = "docker-archive", signal, onProgress } = options;
  if (options.compress === true && format === "docker-archive") {
    throw new TsmanError("USAGE", "save images as docker-archive: its layers are not compressed", {
      hint: "leave out --compress, or save with --format oci-archive",
    });
  }
  const chosen = await chooseImages(context, texts);
  await using _content = await context.store.lockContent({ shared: true, signal });
  const records = chosen.map(({ record }) => record);
  await using writer = await openWriter(context, format, options, records);
  for (const { record, names } of chosen) {
    const name = names[0] ?? record.id;
    await using source = storeSource(context, record, name, { signal, onProgress });
    await using packed = options.compress === true ? gzipped(context, source, options) : undefined;
    await copyImage(packed ?? source, writer.image(names), { signal, onProgress });
  }
  await writer.commit();
  for (const { record, names } of chosen) {
    const name = names[0] ?? record.id;
    context.events.emit({ type: "image", status: "save", id: record.id, name });
  }
}

function gzipped(
  context: EngineContext,
  source: ImageSource,
  { signal, onProgress }: SaveOptions,
): ImageSource {
  return recompressedSource(
    source,
    { compression: "gzip" },
    {
      openSpool: () => context.store.blobs.openSpool(),
      limits: archiveLimits(),
      signal,
      onProgress,
    },
  );
}

/** Each image once, with all names by which it was called; those that were called by id have none. */
async function chooseImages(
  context: EngineContext,
  texts: readonly string[],
): Promise<readonly SavedImage[]> {
  const chosen = new Map<string, { record: ImageRecord; names: Set<string> }>();
  for (const text of texts) {
    const record = await getImage(context, text);
    const one = chosen.get(record.id) ?? { record, names: new Set<string>() };
    chosen.set(record.id, one);
    const called = await writtenName(context, record.names, text);
    if (called !== undefined) one.names.add(called);
  }
  return [...chosen.values()].map(({ record, names }) => ({ record, names: [...names] }));
}

async function openWriter(
  context: EngineContext,
  format: SaveFormat,
  { output, signal }: SaveOptions,
  images: readonly ImageRecord[],
): Promise<ImagesWriter> {
  const isDirectory = format === "oci-dir" || format === "docker-dir";
  if (isDirectory && typeof output === "number") {
    throw new TsmanError("USAGE", `save images as ${format}: a directory needs a path`, {
      hint: "name the directory with --output",
    });
  }
  if (format === "docker-dir" && images.length > 1) {
    throw new TsmanError("USAGE", "save images as docker-dir: it holds one image only", {
      hint: "save them one by one, or with --format oci-dir",
    });
  }
  const place = typeof output === "number" ? "standard output" : output;
  switch (format) {
    case "docker-archive": {
      const archive = openArchiveOutput(context, output, `docker-archive:${place}`, signal);
      const known = knownLayers(context, images);
      return disposing(new DockerArchiveWriter(archive, archiveLimits(), known), archive);
    }
    case "oci-archive": {
      const archive = openArchiveOutput(context, output, `oci-archive:${place}`, signal);
      return disposing(new LayoutWriter(archive), archive);
    }
    case "oci-dir": {
      const directory = await openLayoutDirectory(place, signal);
      return disposing(directory.writer, directory.output);
    }
    case "docker-dir": {
      const name = `dir:${place}`;
      const directory = await DirectoryOutput.open(place, { name, mark: directoryMark, signal });
      const destination = directoryDestination(directory);
      return {
        image: () => destination,
        commit: destination.commit,
        [Symbol.asyncDispose]: destination[Symbol.asyncDispose],
      };
    }
  }
}

/** The layers that are unpacked: what they have to be, and how long. */
function knownLayers(
  context: EngineContext,
  images: readonly ImageRecord[],
): ReadonlyMap<Digest, KnownLayer> {
  const sizes = layerSizes(context);
  const known = new Map<Digest, KnownLayer>();
  for (const { blob, chainId, diffId } of images.flatMap(({ layers }) => layers)) {
    const size = sizes.get(chainId);
    if (size !== undefined) known.set(blob, { diffId, size });
  }
  return known;
}

function disposing(
  writer: LayoutWriter | DockerArchiveWriter,
  output: AsyncDisposable,
): ImagesWriter {
  return {
    image: (names) => writer.image(names),
    commit: async () => await writer.commit(),
    [Symbol.asyncDispose]: async () => await output[Symbol.asyncDispose](),
  };
}

/** An OCI layout directory to write to: a new one, or one whose other images stay. */
export async function openLayoutDirectory(
  directory: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly writer: LayoutWriter; readonly output: DirectoryOutput }> {
  const name = `oci:${directory}`;
  const output = await DirectoryOutput.open(directory, { name, mark: layoutMark, signal });
  try {
    const isThere = existsSync(path.join(directory, layoutIndexFile));
    const document = isThere
      ? await readLayoutDocument(directoryFiles(directory, name))
      : undefined;
    return { writer: new LayoutWriter(output, document), output };
  } catch (error) {
    await output[Symbol.asyncDispose]();
    throw error;
  }
}
