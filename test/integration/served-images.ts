import { randomBytes } from "node:crypto";
import type { FaultyRegistry } from "../support/faulty-registry.ts";
import { type AddedImage, addImage } from "../support/image-fixture.ts";
import { TarBuilder } from "../support/tar-builder.ts";

let count = 0;

/** An image that no store has yet, with layers that do not compress: {@link layers} MiB each. */
export function addRandomImage(
  registry: FaultyRegistry,
  layers: readonly number[] = [1],
): AddedImage & { readonly reference: string; readonly blobs: readonly string[] } {
  count += 1;
  const name = `random/${count}`;
  const image = addImage(registry, {
    name,
    layers: layers.map((mebibytes, index) =>
      new TarBuilder().file(`random-${index}`, randomBytes(mebibytes * 1024 * 1024)).build(),
    ),
  });
  return {
    ...image,
    reference: `${registry.host}/${name}`,
    blobs: image.layers.map((layer) => layer.digest),
  };
}
