import type { ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import type { ImageService, ImageSummary } from "../types.ts";
import { ensureImage } from "./ensure-image.ts";
import { embeddedImageName, findImage, unlessUnwritable } from "./find-image.ts";
import { type LayerSizes, layerSizes, unpackedSize } from "./unpacked-size.ts";

/** The image part of the engine over a context. */
export function createImageService(context: EngineContext): ImageService {
  return {
    async pull(reference, options = {}) {
      if (options.lock?.update === true) {
        const { lockImage } = await import("./locked-images.ts");
        const { image, pinned } = await lockImage(context, reference, options.lock.file, options);
        return { id: image.id, pinned };
      }
      if (options.allPlatforms === true) {
        const { pullList } = await import("../manifests/pull-list.ts");
        return { id: await pullList(context, reference, options) };
      }
      const image = await ensureImage(context, reference, {
        ...options,
        policy: options.policy ?? "always",
      });
      return { id: image.id };
    },
    async push(nameOrId, destination, options) {
      const { pushImage } = await import("./push-image.ts");
      return await pushImage(context, nameOrId, destination, options);
    },
    async search(term, options = {}) {
      const { searchImages } = await import("./search-images.ts");
      return await searchImages(context, term, options);
    },
    async listTags(name, options = {}) {
      const { listImageTags } = await import("./search-images.ts");
      return await listImageTags(context, name, options);
    },
    async locked(file) {
      const { lockedNames } = await import("./locked-images.ts");
      return lockedNames(file);
    },
    async list() {
      // The embedded image is in every store from the first use on, also when that is `images`.
      await unlessUnwritable(() => findImage(context, embeddedImageName, { revive: false }));
      const sizes = layerSizes(context);
      const containers = context.store.containers.countByImage();
      const lists = await import("./listed-image.ts");
      const listed = lists.allListedIds(context.store);
      return [
        ...(await lists.listSummaries(context)),
        ...context.store.images
          .list()
          .map((image) => summaryOf(image, sizes, { containers, listed })),
      ];
    },
    async find(nameOrId) {
      const image = await findImage(context, nameOrId);
      if (image === undefined) return undefined;
      const { inspectImage } = await import("./inspect-image.ts");
      const containers = context.store.containers.countByImage();
      const { allListedIds } = await import("./listed-image.ts");
      const uses = { containers, listed: allListedIds(context.store) };
      return await inspectImage(context, image, summaryOf(image, layerSizes(context), uses));
    },
    async remove(nameOrId, options) {
      const { removeImage } = await import("./remove-image.ts");
      return await removeImage(context, nameOrId, options);
    },
    async tag(nameOrId, names) {
      const { tagImage } = await import("./name-image.ts");
      await tagImage(context, nameOrId, names);
    },
    async untag(nameOrId, names) {
      const { untagImage } = await import("./name-image.ts");
      await untagImage(context, nameOrId, names);
    },
    async toNpm(nameOrId, packageName, options = {}) {
      const { writeNpmPackage } = await import("./write-npm-package.ts");
      return await writeNpmPackage(context, nameOrId, packageName, options);
    },
    async save(images, options) {
      const { saveImages } = await import("./save-images.ts");
      await saveImages(context, images, options);
    },
    async import(options) {
      const { importArchive } = await import("./import-archive.ts");
      return await importArchive(context, options);
    },
    async copy(source, destination, options = {}) {
      const { copyLocation } = await import("./copy-location.ts");
      return await copyLocation(context, source, destination, options);
    },
    async load(options) {
      const { loadImages } = await import("./load-images.ts");
      return await loadImages(context, options);
    },
    async history(nameOrId) {
      const { imageHistory } = await import("./image-history.ts");
      return await imageHistory(context, nameOrId);
    },
    async tree(nameOrId, options = {}) {
      const { imageTree } = await import("./image-tree.ts");
      return await imageTree(context, nameOrId, options.whatRequires === true);
    },
    async mount(nameOrId) {
      const { mountImage } = await import("./mount-image.ts");
      return await mountImage(context, nameOrId);
    },
    async unmount(nameOrId, options) {
      const { unmountImage } = await import("./mount-image.ts");
      return await unmountImage(context, nameOrId, options);
    },
    async listMounts() {
      const { listImageMounts } = await import("./mount-image.ts");
      return listImageMounts(context);
    },
  };
}

/** Who needs which images, by id. */
interface ImageUses {
  readonly containers: ReadonlyMap<string, number>;
  /** Those that manifest lists name. */
  readonly listed: ReadonlySet<string>;
}

function summaryOf(
  image: ImageRecord,
  sizes: LayerSizes,
  { containers, listed }: ImageUses,
): ImageSummary {
  const { config } = image;
  return {
    id: image.id,
    kind: image.names.length === 0 && listed.has(image.id) ? "listed" : "image",
    names: image.names,
    repoDigests: image.digests,
    digest: image.manifestDigest,
    createdAt: image.createdAt,
    size: unpackedSize(sizes, image),
    labels: config.config.labels,
    platform: { os: config.os, architecture: config.architecture, variant: config.variant },
    containers: containers.get(image.id) ?? 0,
  };
}
