import type { Descriptor } from "../oci/descriptor.ts";
import { mediaTypes } from "../oci/media-types.ts";
import type { ImageDestination } from "../oci/transfer.ts";
import type { ImageOutput } from "./image-output.ts";
import {
  blobFile,
  type LayoutDocument,
  type LayoutEntry,
  layoutIndexFile,
  layoutMark,
  refNameAnnotation,
} from "./layout-source.ts";

/** Writes images into an OCI layout; image-spec/image-layout.md. */
export class LayoutWriter {
  readonly #output: ImageOutput;
  readonly #document: Partial<LayoutDocument>;
  readonly #entries: LayoutEntry[];

  /** @param document the layout's index, if it is there already */
  constructor(output: ImageOutput, document: Partial<LayoutDocument> = {}) {
    this.#output = output;
    this.#document = document;
    this.#entries = [...(document.manifests ?? [])];
  }

  /**
   * One image of it.
   *
   * @param names that it gets there: an entry of the index each; none: an entry without name
   */
  image(names: readonly string[]): ImageDestination {
    const output = this.#output;
    return {
      name: output.name,
      requiredFormat: "oci",
      hasBlob: async ({ digest, size }) => output.size(blobFile(digest)) === size,
      writeBlob: async ({ digest, size }, bytes) =>
        await output.write(blobFile(digest), size, bytes),
      writeManifest: async ({ bytes, digest, mediaType }, { isTop }) => {
        const file = blobFile(digest);
        if (output.size(file) === undefined) await output.put(file, bytes);
        if (isTop) this.#enter({ mediaType, digest, size: bytes.length }, names);
      },
      commit: async () => await this.commit(),
      [Symbol.asyncDispose]: async () => await output[Symbol.asyncDispose](),
    };
  }

  /** Names all images and makes the layout visible. */
  async commit(): Promise<void> {
    const index = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      ...this.#document,
      manifests: this.#entries,
    };
    await this.#output.put(layoutMark, Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
    await this.#output.commit(layoutIndexFile, Buffer.from(JSON.stringify(index)));
  }

  #enter(
    descriptor: Pick<Descriptor, "mediaType" | "digest" | "size">,
    names: readonly string[],
  ): void {
    for (const name of names.length === 0 ? [undefined] : names) {
      const isReplaced = (entry: LayoutEntry): boolean => {
        const known = entry.annotations?.[refNameAnnotation];
        return known === name && (name !== undefined || entry.digest === descriptor.digest);
      };
      const others = this.#entries.filter((entry) => !isReplaced(entry));
      this.#entries.splice(0, this.#entries.length, ...others, {
        ...descriptor,
        ...(name !== undefined && { annotations: { [refNameAnnotation]: name } }),
      });
    }
  }
}
