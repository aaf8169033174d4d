import { statSync } from "node:fs";
import type { Digest } from "../../oci/digest.ts";
import { tryLockFile } from "../../platform/file-lock.ts";
import { usedBlobs } from "../../store/gc.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { CheckOptions } from "../check-types.ts";
import type { EngineContext } from "../context.ts";
import { embeddedImageName } from "../images/find-image.ts";
import { removeImage } from "../images/remove-image.ts";
import { type Fault, maxAgeOf } from "./fault.ts";

/**
 * Whether the store has every blob of every image, and its bytes are those of its digest.  One of a
 * layer may be missing where a registry has it: another image has brought the same layer.
 */
export async function* examineImages(
  context: EngineContext,
  options: CheckOptions,
): AsyncGenerator<Fault> {
  const faults = new Map<Digest, string | undefined>();
  for (const image of context.store.images.list()) {
    const problems: string[] = [];
    const damaged: Digest[] = [];
    for (const { digest, size } of blobsOf(image)) {
      if (!faults.has(digest)) faults.set(digest, await blobFault(context, digest, size, options));
      const fault = faults.get(digest);
      if (fault === undefined || (fault === missing && isFetchable(image, digest))) continue;
      problems.push(`blob ${digest} ${fault}`);
      damaged.push(digest);
    }
    if (damaged.length === 0 || !isStillThere(context, image)) continue;
    const subject = image.names[0] ?? image.id;
    const mend = (): Promise<string> => mendImage(context, image, damaged, options);
    yield { kind: "image", subject, problem: problems.join(", "), mend };
  }
}

const missing = "is missing";

/** Whether a blob is fetched again when it is needed. */
function isFetchable(image: ImageRecord, digest: Digest): boolean {
  return image.digests.length > 0 && image.layers.some(({ blob }) => blob === digest);
}

/** Another command may have removed it while its blobs were read. */
function isStillThere({ store }: EngineContext, { id }: ImageRecord): boolean {
  return store.images.findById(id) !== undefined;
}

function blobsOf(image: ImageRecord): { readonly digest: Digest; readonly size?: number }[] {
  return [
    { digest: image.id },
    { digest: image.manifestDigest },
    ...image.layers.map(({ blob, size }) => ({ digest: blob, size })),
  ];
}

async function blobFault(
  { store }: EngineContext,
  digest: Digest,
  size: number | undefined,
  { quick }: CheckOptions,
): Promise<string | undefined> {
  const status = statSync(store.blobs.path(digest), { throwIfNoEntry: false });
  if (status === undefined) return missing;
  if (size !== undefined && status.size !== size) {
    return `has ${status.size} bytes instead of ${size}`;
  }
  return quick === true || (await store.blobs.isIntact(digest)) ? undefined : "is damaged";
}

async function mendImage(
  context: EngineContext,
  image: ImageRecord,
  damaged: readonly Digest[],
  { force }: CheckOptions,
): Promise<string> {
  if (image.names.includes(embeddedImageName)) {
    for (const digest of damaged) context.store.blobs.remove(digest);
    const { adoptEmbeddedImage } = await import("../images/embedded-image.ts");
    const adopted = await adoptEmbeddedImage(context);
    if (adopted?.id === image.id) return "taken from the installation again";
  }
  if (damaged.every((digest) => isFetchable(image, digest))) {
    for (const digest of damaged) context.store.blobs.remove(digest);
    return "removed: fetched again when it is needed";
  }
  const users = context.store.containers.listByImage(image.id);
  if (users.length > 0 && force !== true) {
    const names = users.map(({ name }) => name).join(", ");
    throw new Error(`used by container ${names}; with --force they go too`);
  }
  await removeImage(context, image.id, { force: true });
  return "removed: pull it again";
}

/** Blobs that belong to no image: what an interrupted pull has fetched, kept for the next one. */
export async function* examineBlobs(
  context: EngineContext,
  options: CheckOptions,
): AsyncGenerator<Fault> {
  const { blobs, contentLockPath } = context.store;
  const used = usedBlobs(context.store);
  // Those were looked at with their images.
  const ofImages = new Set(
    context.store.images.list().flatMap((image) => blobsOf(image).map((one) => one.digest)),
  );
  const removed = async (digest: Digest): Promise<string> => {
    // A pull that goes on may need it.
    const lock = tryLockFile(contentLockPath);
    if (lock === undefined) throw new Error("an image is being fetched");
    try {
      if (usedBlobs(context.store).has(digest)) return "in use again";
      blobs.remove(digest);
      return "removed";
    } finally {
      lock.release();
    }
  };
  for (const digest of blobs.list()) {
    if (used.has(digest)) {
      if (ofImages.has(digest) || options.quick === true || (await blobs.isIntact(digest)))
        continue;
      const mend = async (): Promise<string> => {
        blobs.remove(digest);
        return "removed: add the image to its manifest list again";
      };
      yield { kind: "blob", subject: digest, problem: "its bytes are damaged", mend };
      continue;
    }
    const status = statSync(blobs.path(digest), { throwIfNoEntry: false });
    if (status === undefined) continue;
    const isOld = Date.now() - status.mtimeMs >= maxAgeOf(options);
    const isDamaged = options.quick !== true && !isOld && !(await blobs.isIntact(digest));
    if (!isOld && !isDamaged) continue;
    const problem = isDamaged ? "its bytes are damaged" : "no image needs it";
    yield { kind: "blob", subject: digest, problem, mend: () => removed(digest) };
  }
}
