import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { TsmanError } from "../../../errors/index.ts";
import { type InsideWorker, startInside } from "../../../layer/inside-worker.ts";
import { diffIdFromHex } from "../../../oci/digest.ts";
import { type ImageFormat, layerMediaType } from "../../../oci/media-types.ts";
import type { ContainerRecord } from "../../../store/containers.ts";
import type { EngineContext } from "../../context.ts";
import type { CommitOptions } from "../../file-types.ts";
import { keepBlobs } from "../../images/keep-blobs.ts";
import { newImageName } from "../../images/name-image.ts";
import { storeSource } from "../../images/store-source.ts";
import { type WrittenLayer, writeImage } from "../../images/write-image.ts";
import { getContainer } from "../find-container.ts";
import { archiveRootfs } from "./archive-rootfs.ts";
import { committedConfig } from "./committed-config.ts";
import { comparisonOf } from "./diff-container.ts";
import { reportCounts } from "./report-counts.ts";

/**
 * Makes an image of a container: its image's layers and one more with what it has changed, or with
 * `squash` one layer with all of its files.  Volumes are not part of it.
 */
export async function commitContainer(
  context: EngineContext,
  nameOrId: string,
  options: CommitOptions = {},
): Promise<{ readonly id: string }> {
  const record = getContainer(context, nameOrId);
  const format = options.format ?? "oci";
  const name = options.image === undefined ? undefined : newImageName(options.image);
  const image =
    record.imageId === undefined ? undefined : context.store.images.findById(record.imageId);
  // A wrong --change is found before a layer is written.
  const config = committedConfig(context, record, image, options);
  const isWhole = options.squash === true || image === undefined;
  // Nobody collects the layer before the image that needs it is entered.
  await using _content = await context.store.lockContent({ shared: true, signal: options.signal });
  const layer = await writeLayer(context, record, isWhole, format, options);
  const added = layer === undefined ? [] : [layer];
  const layers = isWhole ? added : [...image.layers, ...added];
  if (!isWhole) {
    const { signal } = options;
    await using source = storeSource(context, image, record.imageName, { signal });
    await keepBlobs(context, image.layers, source, signal);
  }
  const made = writeImage(context, withoutLayer(config, layer), layers, { format, name });
  context.events.emit({
    type: "container",
    status: "commit",
    id: record.id,
    name: record.name,
    image: record.imageName,
  });
  return { id: made.id };
}

/** image-spec/config.md, "history": a step that has made no layer says so. */
function withoutLayer(config: Record<string, unknown>, layer: WrittenLayer | undefined) {
  if (layer !== undefined) return config;
  const history = config.history as readonly object[];
  const [step, ...before] = history.toReversed();
  return { ...config, history: [...before.toReversed(), { ...step, empty_layer: true }] };
}

async function writeLayer(
  context: EngineContext,
  record: ContainerRecord,
  isWhole: boolean,
  format: ImageFormat,
  { signal, onWarning }: CommitOptions,
): Promise<WrittenLayer | undefined> {
  const subject = `commit container ${record.name}`;
  const comparison = isWhole ? undefined : comparisonOf(context, record, "layer");
  // One that was never started is as its image.
  if (comparison === undefined && !isWhole) return undefined;
  const write = async (worker: InsideWorker): Promise<WrittenLayer> => {
    const { output } = worker;
    if (output === undefined) throw new TsmanError("INTERNAL", `${subject}: no output`);
    const [layer, counts] = await bothOf(store(context, output, format), worker);
    reportCounts(counts, subject, onWarning);
    return layer;
  };
  if (comparison !== undefined)
    return await write(startInside({ ...comparison, context: subject, signal }));
  return await archiveRootfs(context, record, { subject, signal }, write);
}

/** The worker's failure is the reason for that of what reads from it. */
async function bothOf<T>(
  stored: Promise<T>,
  worker: InsideWorker,
): Promise<[T, Awaited<InsideWorker["done"]>]> {
  const [layer, counts] = await Promise.allSettled([
    stored.catch((error: unknown) => {
      worker.cancel();
      throw error;
    }),
    worker.done,
  ]);
  if (layer.status === "fulfilled" && counts.status === "fulfilled") {
    return [layer.value, counts.value];
  }
  if (layer.status === "rejected") throw layer.reason;
  throw (counts as PromiseRejectedResult).reason;
}

/** archive → sha256 (diffID) → gzip → sha256 (digest) → blob */
async function store(
  context: EngineContext,
  archive: Readable,
  format: ImageFormat,
): Promise<WrittenLayer> {
  const hash = createHash("sha256");
  const gzip = createGzip();
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of archive) {
      hash.update(chunk as Buffer);
      yield chunk as Buffer;
    }
  }
  const [{ digest, size }] = await Promise.all([
    context.store.blobs.write(gzip),
    pipeline(hashed, gzip),
  ]);
  return {
    blob: digest,
    size,
    mediaType: layerMediaType(format, "gzip"),
    diffId: diffIdFromHex(hash.digest("hex")),
  };
}
