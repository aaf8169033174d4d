import { randomBytes } from "node:crypto";
import type { FaultyRegistry } from "../support/faulty-registry.ts";
import { type AddedImage, addImage } from "../support/image-fixture.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { registry as docker } from "./support.ts";

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

/** Lets `app:latest` say `version`, on the layers of the tests' busybox. */
export async function release(
  registry: FaultyRegistry,
  busybox: Buffer,
  version: string,
): Promise<AddedImage> {
  const layer = new TarBuilder().file("version", version).build();
  const config = { Cmd: ["cat", "/version"], Env: ["PATH=/bin"] };
  return addImage(registry, { name: "app", layers: [busybox, layer], config });
}

/** An archive with a shell: the uncompressed first layer of the tests' busybox. */
export async function busyboxLayer(): Promise<Buffer> {
  const base = `http://${docker()}/v2/uncompressed`;
  const accept = "application/vnd.oci.image.manifest.v1+json";
  const response = await fetch(`${base}/manifests/latest`, { headers: { accept } });
  const manifest = (await response.json()) as { layers: { digest: string }[] };
  const blob = await fetch(`${base}/blobs/${manifest.layers[0]?.digest}`);
  return Buffer.from(await blob.arrayBuffer());
}
